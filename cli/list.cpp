#include "cli/list.h"

#include "attention/block_backend.h"
#include "cli/implementations.h"
#include "cli/json_output.h"
#include "cli/verbs.h"
#include "config/axis.h"
#include "config/config_json.h"
#include "config/did_you_mean.h"
#include "config/error.h"
#include "config/names.h"
#include "pattern/pattern.h"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace ringattn {
namespace {

/// One table of names: what all topics come down to.
struct Listing {
  std::string topic;
  std::string key;                   ///< in JSON, and as a title where there are several: the topic, or a part of it
  std::vector<std::string> columns;  ///< also the JSON keys
  std::vector<std::vector<std::string>> rows;
};

Listing list_implementations() {
  Listing listing{"implementations", "implementations", {"name", "kind", "runs", "summary"}, {}};
  for (const NewImplementation& i : new_implementations()) {
    listing.rows.push_back({i.name, "new", "yes", i.summary});
  }
  for (const OldImplementation& i : old_implementations()) {
    listing.rows.push_back(
        {i.name, "old", i.runnable ? "yes" : "not in this version", i.class_name + ": " + i.intended});
  }
  return listing;
}

Listing list_presets_topic(const Env& env) {
  const std::vector<std::string> folders = preset_folders(env);
  Listing listing{"presets", "presets", {"name", "implementation", "cases", "summary"}, {}};
  for (const PresetEntry& entry : list_presets(folders)) {
    const Preset preset = load_preset(entry.name, folders);
    listing.rows.push_back(
        {entry.name, preset.implementation, std::to_string(expand(preset.workload).size()), preset.description});
  }
  return listing;
}

Listing list_axes() {
  Listing listing{"axes", "axes", {"name", "values", "summary"}, {}};
  for (const AxisInfo& axis : workload_axes()) listing.rows.push_back({axis.name, axis.values, axis.summary});
  return listing;
}

Listing list_fields() {
  Listing listing{"fields", "fields", {"name", "type", "default", "in_guide", "summary"}, {}};
  for (const FieldInfo& f : config_fields()) {
    listing.rows.push_back({f.name, f.type, f.default_value, f.in_guide ? "yes" : "no", f.summary});
  }
  return listing;
}

Listing list_patterns() {
  Listing listing{"patterns", "patterns", {"name", "axes", "preserves", "summary"}, {}};
  for (const std::string& text : pattern_names()) {
    const auto name = parse<PatternName>(text, "pattern");
    const std::string axes =
        describe({.name = PatternName::custom, .axes = axes_of(name), .blocks = blocks_of({.name = name})});
    listing.rows.push_back({text, axes, std::string(preserves(name)), std::string(summary(name))});
  }
  return listing;
}

Listing list_pattern_axes() {
  Listing listing{"patterns", "pattern_axes", {"axis", "value", "meaning"}, {}};
  for (const PatternAxisValue& v : pattern_axis_values()) listing.rows.push_back({v.axis, v.value, v.meaning});
  return listing;
}

Listing list_pattern_refusals() {
  Listing listing{"patterns", "pattern_refusals", {"combination", "reason"}, {}};
  for (const PatternRefusal& refusal : pattern_refusals())
    listing.rows.push_back({refusal.combination, refusal.reason});
  // What only the engine refuses: by asking it.
  const auto ask = [&](const std::string& combination, const AttentionFunction& function) {
    try {
      (void)make_pattern(function);
    } catch (const UsageError& error) {
      listing.rows.push_back({combination, error.what()});
    }
  };
  AttentionFunction function{
      .axes = axes_of(PatternName::dilated), .pairs = {{64, 1}, {128, 2}}, .seq_len = 300, .heads = 2};
  function.axes.join = JoinRule::mean;
  ask("heads in groups, join mean, several pairs", function);
  function.axes = axes_of(PatternName::residue);
  function.axes.join = JoinRule::mean;
  ask("placement spans, join mean, several pairs", function);
  function.axes = axes_of(PatternName::dilated_keys);
  function.axes.order = OrderRule::turned;
  function.pairs = {{100, 2}};
  ask("order turned, segments of other lengths", function);
  function = {.axes = {}, .pairs = {{300, 1}}, .seq_len = 300, .heads = 2, .blocks = {.rule = BlockRule::local}};
  ask("blocks, lengths that are no whole blocks", function);
  return listing;
}

/// What a backend does with a function, asked of the factory of backends itself.
std::string runs(Backend backend, const AttentionFunction& function) {
  try {
    (void)make_backend(backend, function);
    return "yes";
  } catch (const Unavailable& reason) {
    return std::string("no: ") + reason.what();
  }
}

Listing list_pattern_backends() {
  Listing listing{"patterns", "pattern_backends", {"backend", "every pattern", "with dropout (--train)"}, {}};
  AttentionFunction function{.axes = {}, .pairs = {{16, 1}}, .seq_len = 16, .heads = 1};
  for (std::size_t i = 0; i < names<Backend>().size(); ++i) {
    const auto backend = static_cast<Backend>(i);
    function.dropout = 0.0;
    const std::string plain = runs(backend, function);
    function.dropout = 0.1;
    listing.rows.push_back({names<Backend>()[i], plain, runs(backend, function)});
  }
  return listing;
}

Listing list_deprecated() {
  Listing listing{"deprecated",
                  "deprecated",
                  {"name", "class", "intended", "target", "preserving", "condition", "0.3", "0.4", "0.5"},
                  {}};
  for (const OldImplementation& i : old_implementations()) {
    listing.rows.push_back(
        {i.name, i.class_name, i.intended, i.target, i.preserving, i.condition, i.in_0_3, i.in_0_4, i.in_0_5});
  }
  return listing;
}

std::vector<Listing> listings(const ListOptions& options) {
  if (options.deprecated) return {list_deprecated()};
  std::vector<Listing> all{list_implementations(),
                           list_presets_topic(options.shared.env),
                           list_axes(),
                           list_fields(),
                           list_patterns(),
                           list_pattern_axes(),
                           list_pattern_refusals(),
                           list_pattern_backends()};
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
    document[listing.key] = std::move(rows);
  }
  return document;
}

std::string to_text(const std::vector<Listing>& all, const TextStyle& style) {
  std::string text;
  for (const Listing& listing : all) {
    if (all.size() > 1) text += (text.empty() ? "" : "\n") + listing.key + "\n\n";
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
  show_result(terminal, options.json, json_text(to_json(all)), to_text(all, terminal.style()));
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
