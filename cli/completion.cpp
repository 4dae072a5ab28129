#include "cli/completion.h"

#include "cli/completion_script.h"
#include "cli/implementations.h"
#include "cli/verbs.h"
#include "config/axis.h"
#include "config/did_you_mean.h"
#include "config/error.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>

namespace ringattn {
namespace {

const std::vector<std::string> shells{"bash", "zsh", "fish"};

std::vector<std::string> with_equals(std::vector<std::string> names) {
  for (std::string& name : names) name += "=";
  return names;
}

/// Words for a part of an option's value name: lower-case parts are themselves values, capitals stand for a kind of
/// name.
std::vector<std::string> words_of(const std::string& part, const Env& env) {
  std::vector<std::string> words;
  if (part == "PRESET") {
    for (const PresetEntry& entry : list_presets(preset_folders(env))) words.push_back(entry.name);
  } else if (part == "OLD") {
    words = old_implementation_names();
  } else if (part == "NEW") {
    words = new_implementation_names();
  } else if (part == "AXIS=SPEC") {
    for (const AxisInfo& axis : workload_axes()) words.push_back(axis.name);
    words = with_equals(words);
  } else if (part == "FIELD=VALUE") {
    for (const FieldInfo& field : config_fields()) words.push_back(field.name);
    words = with_equals(words);
  } else if (std::all_of(part.begin(), part.end(), [](unsigned char c) { return std::islower(c) != 0 || c == '-'; }) &&
             part != "-") {
    words = {part};
  }
  return words;
}

CompletionFlag describe_option(const CLI::Option& option, const Env& env) {
  CompletionFlag flag{.summary = option.get_description()};
  for (const std::string& name : option.get_snames()) flag.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) flag.names.push_back("--" + name);
  flag.takes_value = option.get_items_expected_max() > 0;
  if (!flag.takes_value) return flag;
  std::string part;
  for (const char c : option.get_type_name() + "|") {
    if (c != '|') {
      part += c;
      continue;
    }
    flag.files = flag.files || part == "FILE" || part == "PATH" || part == "FOLDER";
    for (const std::string& word : words_of(part, env)) flag.words.push_back(word);
    part.clear();
  }
  return flag;
}

}  // namespace

int run_completion(const CompletionOptions& options, Terminal& terminal) {
  std::vector<CompletionVerb> verbs;
  for (const CLI::App* app : options.app->get_subcommands([](const CLI::App*) { return true; })) {
    CompletionVerb verb{.name = app->get_name(), .summary = app->get_description()};
    for (const CLI::Option* option : app->get_options()) {
      if (option->get_group().empty()) continue;  // not for people
      CompletionFlag flag = describe_option(*option, options.shared.env);
      if (option->get_positional()) {
        verb.words = flag.words;
        verb.files = flag.files;
      } else {
        verb.flags.push_back(std::move(flag));
      }
    }
    verbs.push_back(std::move(verb));
  }
  terminal.result(completion_script(options.shell, verbs));
  return 0;
}

void add_completion(CLI::App& app, const SharedOptions& shared, Invocation& invocation) {
  const auto options = std::make_shared<CompletionOptions>();
  options->shared = shared;
  options->app = &app;
  CLI::App* verb = app.add_subcommand("completion", "a completion script for your shell");
  const auto read = [o = options.get()](const std::string& text) {
    if (std::find(shells.begin(), shells.end(), text) == shells.end()) {
      throw UsageError("completion: unknown shell \"" + text + "\"" + did_you_mean(text, shells));
    }
    o->shell = text;
  };
  verb->add_option_function<std::string>("shell", read, "whose script to print")
      ->type_name("bash|zsh|fish")
      ->required();
  add_shared(*verb, options->shared);
  verb->final_callback([options, &invocation] {
    invocation = {options->shared.color, [options](Terminal& terminal) { return run_completion(*options, terminal); }};
  });
}

}  // namespace ringattn
