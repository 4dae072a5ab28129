#include "cli/list.h"

#include "cli/implementations.h"
#include "cli/json_output.h"
#include "cli/verbs.h"
#include "config/axis.h"
#include "config/config_json.h"
#include "config/did_you_mean.h"
#include "config/error.h"
#include "config/names.h"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace ringattn {
namespace {

/// One table of names: what all topics come down to.
struct Listing {
  std::string topic;
  std::vector<std::string> columns;  ///< also the JSON keys
  std::vector<std::vector<std::string>> rows;
};

Listing list_implementations() {
  Listing listing{"implementations", {"name", "kind", "runs", "summary"}, {}};
  for (const NewImplementation& i : new_implementations()) {
    listing.rows.push_back({i.name, "new", i.built ? "yes" : "not in this version", i.summary});
  }
  for (const OldImplementation& i : old_implementations()) {
    listing.rows.push_back(
        {i.name, "old", i.runnable ? "yes" : "not in this version", i.class_name + ": " + i.intended});
  }
  return listing;
}

Listing list_presets_topic(const Env& env) {
  const std::vector<std::string> folders = preset_folders(env);
  Listing listing{"presets", {"name", "implementation", "cases", "summary"}, {}};
  for (const PresetEntry& entry : list_presets(folders)) {
    const Preset preset = load_preset(entry.name, folders);
    listing.rows.push_back(
        {entry.name, preset.implementation, std::to_string(expand(preset.workload).size()), preset.description});
  }
  return listing;
}

Listing list_axes() {
  Listing listing{"axes", {"name", "values", "summary"}, {}};
  for (const AxisInfo& axis : workload_axes()) listing.rows.push_back({axis.name, axis.values, axis.summary});
  return listing;
}

Listing list_fields() {
  Listing listing{"fields", {"name", "type", "default", "in_guide", "summary"}, {}};
  for (const FieldInfo& f : config_fields()) {
    listing.rows.push_back({f.name, f.type, f.default_value, f.in_guide ? "yes" : "no", f.summary});
  }
  return listing;
}

Listing list_patterns() {
  Listing listing{"patterns", {"name", "axes", "summary"}, {}};
  for (const std::string& text : pattern_names()) {
    const auto name = parse<PatternName>(text, "pattern");
    const bool has_axes = name != PatternName::block_sparse;
    const std::string axes =
        has_axes ? describe({.name = PatternName::custom, .axes = axes_of(name)}) : "masks of blocks";
    listing.rows.push_back({text, axes, std::string(summary(name))});
  }
  return listing;
}

Listing list_deprecated() {
  Listing listing{
      "deprecated", {"name", "class", "intended", "target", "preserving", "condition", "0.3", "0.4", "0.5"}, {}};
  for (const OldImplementation& i : old_implementations()) {
    listing.rows.push_back(
        {i.name, i.class_name, i.intended, i.target, i.preserving, i.condition, i.in_0_3, i.in_0_4, i.in_0_5});
  }
  return listing;
}

std::vector<Listing> listings(const ListOptions& options) {
  if (options.deprecated) return {list_deprecated()};
  std::vector<Listing> all{list_implementations(), list_presets_topic(options.shared.env), list_axes(), list_fields(),
                           list_patterns()};
  if (!options.topic.empty()) std::erase_if(all, [&](const Listing& l) { return l.topic != options.topic; });
  return all;
}

Json to_json(const std::vector<Listing>& all) {
  Json document = Json::object();
  for (const Listing& listing : all) {
    Json rows = Json::array();
    for (const std::vector<std::string>& row : listing.rows) {
      Json object = Json::object();
      for (std::size_t i = 0; i < row.size(); ++i) object[listing.columns[i]] = row[i];
      rows.push_back(std::move(object));
    }
    document[listing.topic] = std::move(rows);
  }
  return document;
}

std::string to_text(const std::vector<Listing>& all, const TextStyle& style) {
  std::string text;
  for (const Listing& listing : all) {
    if (all.size() > 1) text += (text.empty() ? "" : "\n") + listing.topic + "\n\n";
    std::vector<Column> columns;
    for (const std::string& title : listing.columns) columns.push_back({title, false});
    std::vector<std::vector<Cell>> rows;
    for (const std::vector<std::string>& row : listing.rows) {
      std::vector<Cell> cells;
      for (const std::string& cell : row) cells.push_back({cell});
      rows.push_back(std::move(cells));
    }
    text += listing.rows.empty() ? "none in this build\n" : render_table(columns, rows, style);
  }
  return text;
}

}  // namespace

int run_list(const ListOptions& options, Terminal& terminal) {
  const std::vector<Listing> all = listings(options);
  show_result(terminal, options.json, to_json(all).dump(2), to_text(all, terminal.style()));
  return 0;
}

void add_list(CLI::App& app, const SharedOptions& shared, Invocation& invocation) {
  const auto options = std::make_shared<ListOptions>();
  options->shared = shared;
  CLI::App* verb = app.add_subcommand("list", "the names that other verbs understand");
  const std::vector<std::string> topics{"implementations", "presets", "axes", "fields", "patterns"};
  const auto read = [o = options.get(), topics](const std::string& text) {
    if (std::find(topics.begin(), topics.end(), text) == topics.end()) {
      throw UsageError("list: unknown topic \"" + text + "\"" + did_you_mean(text, topics));
    }
    o->topic = text;
  };
  verb->add_option_function<std::string>("topic", read, "what to list (default: everything)")
      ->type_name("implementations|presets|axes|fields|patterns");
  add_switch(*verb, "--deprecated", options->deprecated,
             "the old classes, and what becomes of them in 0.3, 0.4 and 0.5");
  add_json(*verb, options->json);
  add_shared(*verb, options->shared);
  verb->final_callback([options, &invocation] {
    if (options->deprecated && !options->topic.empty())
      throw UsageError("list: give a topic or --deprecated, not both");
    invocation = {options->shared.color, [options](Terminal& terminal) { return run_list(*options, terminal); }};
  });
}

}  // namespace ringattn
