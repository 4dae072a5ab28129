#pragma once

#include "cli/options.h"

#include <memory>

namespace CLI {
class ParseError;
}  // namespace CLI

namespace ringattn {

/// The parser with all verbs. Holds what the verbs fill in, hence is neither copied nor moved.
class CommandLine {
 public:
  explicit CommandLine(const Env& env);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  /// What the arguments ask for, --help and --version included. Throws UsageError with the nearest known verb or flag.
  Invocation parse(int argc, const char* const* argv);

 private:
  Invocation show_help() const;
  /// What --launch makes of a verb. UsageError for a verb that it cannot be said to.
  std::function<int(Terminal&)> launched() const;
  [[noreturn]] void explain(const CLI::ParseError& error) const;
  const CLI::App* chosen_verb() const;

  std::unique_ptr<CLI::App> app_;
  SharedOptions shared_;
  int launched_ = 0;  ///< --launch; 0: not given
  Invocation invocation_;
};

}  // namespace ringattn
