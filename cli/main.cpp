#include "cli/command_line.h"
#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/terminal.h"
#include "config/env.h"
#include "config/error.h"

#include <exception>

namespace ringattn {
namespace {

/// Says what went wrong, and which exit code says the same.
int complain(const Env& env, ColorChoice color, const std::exception& error, int code) {
  Terminal(color, TerminalFacts::detect(env)).error(error.what());
  return code;
}

int run(int argc, const char* const* argv) {
  const Env env = Env::read();
  ColorChoice color = ColorChoice::automatic;
  try {
    CommandLine command_line(env);
    const Invocation invocation = command_line.parse(argc, argv);
    color = invocation.color;
    Terminal terminal(color, TerminalFacts::detect(env));
    const InterruptGuard guard;
    return invocation.run(terminal);
  } catch (const UsageError& error) {
    return complain(env, color, error, exit_usage);
  } catch (const Unavailable& error) {
    return complain(env, color, error, exit_unavailable);
  } catch (const Interrupted& error) {
    return complain(env, color, error, exit_interrupted);
  } catch (const std::exception& error) {
    return complain(env, color, error, exit_broken);
  }
}

}  // namespace
}  // namespace ringattn

int main(int argc, char** argv) { return ringattn::run(argc, argv); }
