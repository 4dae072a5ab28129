#include "cli/explain.h"

#include "cli/json_output.h"
#include "cli/verbs.h"
#include "report/table.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace ringattn {
namespace {

std::string text_at(const Json& object, const char* key) { return object.at(key).get<std::string>(); }

std::string joined(const Json& words) {
  std::string text;
  for (const Json& word : words) text += (text.empty() ? "" : ", ") + word.get<std::string>();
  return text;
}

std::string line(const std::string& title, const std::string& value) {
  return value.empty() ? "" : fmt::format("{:<12}{}\n", title, value);
}

std::string indented(const std::string& text) {
  std::string result = "  ";
  for (const char c : text) result += c == '\n' ? "\n  " : std::string(1, c);
  return result;
}

std::string shipped_text(const Json& entry) {
  std::string text;
  for (const Json& behaviour : entry.at("shipped")) {
    const std::string raises = text_at(behaviour, "raises");
    const std::string defects = joined(behaviour.at("defects"));
    text += fmt::format("  {}, {}: {}{}{}\n", text_at(behaviour, "ranks"), text_at(behaviour, "masks"),
                        raises.empty() ? "" : "raises " + raises + ": ", text_at(behaviour, "what"),
                        defects.empty() ? "" : " [" + defects + "]");
  }
  if (text.empty()) text = "  its intended function, on any number of ranks\n";
  return "\nas shipped\n" + text + (text_at(entry, "race").empty() ? "" : "  race: " + text_at(entry, "race") + "\n");
}

std::string gradients_text(const Json& entry) {
  return "\ngradients as shipped, of what it returned\n" + indented(text_at(entry.at("gradients"), "words")) + "\n";
}

std::string preserving_text(const Json& entry) {
  const Json& preserving = entry.at("preserving");
  if (preserving.is_null()) return "\nno configuration of the new API computes it: " + text_at(entry, "why") + "\n";
  return fmt::format(
      "\nThe configuration that computes what it was meant to ({}), with lists of your own:\n\n{}\n\n{}\n",
      text_at(entry, "condition"), indented(preserving.at("config").dump(2)), indented(text_at(preserving, "python")));
}

std::string entry_text(const Json& entry) {
  const Json& recordings = entry.at("recordings");
  return fmt::format("{} ({})\n{}\n\n", text_at(entry, "name"), text_at(entry, "class"), text_at(entry, "summary")) +
         line("aliases", joined(entry.at("aliases"))) + line("others", joined(entry.at("other_generations"))) +
         line("source", text_at(entry, "file") + " @ " + text_at(entry, "commit")) +
         line("takes", text_at(entry, "takes")) + line("returns", text_at(entry, "returns")) +
         line("function", text_at(entry, "intended")) + line("why", text_at(entry, "why")) +
         line("dropout", text_at(entry, "extra_dropout")) +
         line("guide", text_at(entry, "guide_target") +
                           (entry.at("named_in_guide").get<bool>() ? "" : " (the guide doesn't name this class)")) +
         line("versions", text_at(entry, "deprecation")) + shipped_text(entry) + gradients_text(entry) +
         preserving_text(entry) +
         fmt::format("\nevidence: {} recordings of the original; run them: {}\n", recordings.at("cases").get<int>(),
                     text_at(recordings, "replay"));
}

std::string family_text(const std::vector<Json>& entries, const TextStyle& style) {
  const std::vector<Column> columns{{"name", false}, {"class", false}, {"function", false}, {"summary", false}};
  std::vector<std::vector<Cell>> rows;
  for (const Json& entry : entries)
    rows.push_back({{text_at(entry, "name")},
                    {text_at(entry, "class")},
                    {entry.at("preserving").is_null() ? "none" : text_at(entry, "intended")},
                    {text_at(entry, "summary")}});
  return render_table(columns, rows, style);
}

}  // namespace

int run_explain(const ExplainOptions& options, Terminal& terminal) {
  const std::vector<Json> entries = explain_old(options.name);
  const bool is_one = entries.size() == 1;
  show_result(terminal, options.json, json_text(is_one ? entries.front() : Json(entries)),
              is_one ? entry_text(entries.front()) : family_text(entries, terminal.style()));
  return 0;
}

void add_explain(CLI::App& app, const SharedOptions& shared, Invocation& invocation) {
  const auto options = std::make_shared<ExplainOptions>();
  options->shared = shared;
  CLI::App* verb = app.add_subcommand("explain", "what an old implementation computed, and what preserves it");
  verb->add_option("name", options->name, "an old class by name, alias or class name, or a glob such as 'v2*'")
      ->type_name("OLD")
      ->required();
  add_json(*verb, options->json);
  add_shared(*verb, options->shared);
  verb->final_callback([options, &invocation] {
    invocation = {options->shared.color, [options](Terminal& terminal) { return run_explain(*options, terminal); }};
  });
}

}  // namespace ringattn
