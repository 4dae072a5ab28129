#include "cli/command_line.h"

#include "cli/exit_code.h"
#include "cli/help_page.h"
#include "cli/launch.h"
#include "cli/verbs.h"
#include "cli/version.h"
#include "comm/process_place.h"
#include "config/did_you_mean.h"
#include "config/error.h"

#include <CLI/CLI.hpp>

namespace ringattn {
namespace {

std::vector<std::string> verb_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(verb->get_name());
  return names;
}

std::vector<std::string> flag_names(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::Option* option : verb.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

}  // namespace

CommandLine::CommandLine(const Env& env) : app_(std::make_unique<CLI::App>("ringattn")) {
  shared_.env = env;
  app_->name("ringattn");
  app_->set_help_flag("-h,--help", "this text, or that of a verb");
  app_->set_version_flag("--version", "version, commit and LibTorch, then exit");
  add_integer(
      *app_, "--launch", [this](std::int64_t n) { launched_ = static_cast<int>(n); }, 2, 4096,
      "run compare or bench as N processes of this host, each a rank");
  app_->require_subcommand(1);
}

CommandLine::~CommandLine() = default;

Invocation CommandLine::parse(int argc, const char* const* argv) {
  shared_.command.assign(argv, argv + argc);
  add_compare(*app_, shared_, invocation_);
  add_bench(*app_, shared_, invocation_);
  add_gate(*app_, shared_, invocation_);
  add_report(*app_, shared_, invocation_);
  add_plan(*app_, shared_, invocation_);
  add_replay(*app_, shared_, invocation_);
  add_migrate(*app_, shared_, invocation_);
  add_explain(*app_, shared_, invocation_);
  add_list(*app_, shared_, invocation_);
  add_doctor(*app_, shared_, invocation_);
  add_completion(*app_, shared_, invocation_);
  try {
    app_->parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return show_help();
  } catch (const CLI::CallForVersion&) {
    return {ColorChoice::automatic, [](Terminal& terminal) {
              terminal.result(version_line() + "\n");
              return int{exit_yes};
            }};
  } catch (const CLI::ParseError& error) {
    explain(error);
  }
  if (launched_ > 0) invocation_.run = launched();
  return invocation_;
}

std::function<int(Terminal&)> CommandLine::launched() const {
  if (!invocation_.runs_on_processes)
    throw UsageError("--launch: " + chosen_verb()->get_name() +
                     " has no ranks that could be processes; compare and bench do");
  if (const auto place = process_place(shared_.env.launcher))
    throw UsageError("--launch: " + place->launcher + " says that a launcher has started this already; leave one out");
  return [n = launched_, command = shared_.command](Terminal& terminal) { return launch(n, command, terminal); };
}

const CLI::App* CommandLine::chosen_verb() const {
  const std::vector<CLI::App*> chosen = app_->get_subcommands();
  return chosen.empty() ? nullptr : chosen.front();
}

Invocation CommandLine::show_help() const {
  return {ColorChoice::automatic, [this](Terminal& terminal) {
            terminal.result(help_page(*app_, chosen_verb(), terminal.style()));
            return int{exit_yes};
          }};
}

void CommandLine::explain(const CLI::ParseError& error) const {
  const CLI::App* verb = chosen_verb();
  const std::vector<std::string> unknown = app_->remaining(true);
  const std::string see =
      "\nsee `ringattn " + (verb == nullptr ? std::string("--help`") : verb->get_name() + " --help`");
  if (unknown.empty())
    throw UsageError((verb == nullptr ? "no verb is given; known: " +
                                            [&] {
                                              std::string list;
                                              for (const std::string& name : verb_names(*app_))
                                                list += (list.empty() ? "" : ", ") + name;
                                              return list;
                                            }()
                                      : std::string(error.what())) +
                     see);
  const std::string& word = unknown.front();
  if (verb == nullptr && !word.starts_with("-")) {
    throw UsageError("unknown verb \"" + word + "\"" + did_you_mean(word, verb_names(*app_)) + see);
  }
  if (!word.starts_with("-")) throw UsageError("\"" + word + "\" is one word too many" + see);
  const std::string flag = word.substr(0, word.find('='));
  throw UsageError("unknown flag " + flag + did_you_mean(flag, flag_names(verb == nullptr ? *app_ : *verb)) + see);
}

}  // namespace ringattn
