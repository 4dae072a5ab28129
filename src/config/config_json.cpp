#include "config/config_json.h"

#include "config/axis.h"
#include "config/config_fields.h"
#include "config/error.h"
#include "config/names.h"
#include "config/window.h"

#include <algorithm>

namespace ringattn {
namespace {

template <typename E>
void read_axis(const JsonValue& object, const std::string& key, E& axis) {
  if (const auto value = object.find(key)) axis = parse<E>(value->word(names<E>()), value->pointer());
}

template <typename T, typename Read>
std::vector<T> read_list(const JsonValue& value, Read read) {
  std::vector<T> list;
  if (value.raw().is_array() && value.raw().size() > axis_values_max)
    throw UsageError(value.source() + ": " + value.pointer() + ": more than " + std::to_string(axis_values_max) +
                     " values");
  for (const JsonValue& element : value.one_or_more()) {
    const T item = read(element);
    if (std::find(list.begin(), list.end(), item) != list.end()) element.refuse("given twice");
    list.push_back(item);
  }
  return list;
}

/// The pattern whose axes a partial object of axes starts from: the one it names, else `dilated`.
PatternName base_name(const JsonValue& object) {
  const auto from = object.find("from");
  if (!from) return PatternName::dilated;
  std::vector<std::string> known = pattern_names();
  std::erase(known, "auto");
  if (!object.find("blocks")) std::erase(known, "block_sparse");
  return parse<PatternName>(from->word(known), from->pointer());
}

/// {"from": …, "blocks": …}: a named pattern of which blocks are left out.
bool is_name_with_blocks(const JsonValue& object) {
  return object.find("from") && object.find("blocks") && object.raw().size() == 2;
}

BlockSparsity blocks_from_json(const JsonValue& value) {
  value.allow_only(
      {"rule", "block_size", "sparsity_ratio", "global_blocks", "rates", "per_head", "grid_width", "grid_radius"});
  std::vector<std::string> rules = names<BlockRule>();
  std::erase(rules, "none");
  const JsonValue rule = value.require("rule");
  BlockSparsity blocks{.rule = parse<BlockRule>(rule.word(rules), rule.pointer())};
  const auto read = [&](const char* key, std::int64_t& field, std::int64_t low) {
    if (const auto member = value.find(key)) field = member->integer(low);
  };
  read("block_size", blocks.block_size, 1);
  read("global_blocks", blocks.global_blocks, 1);
  read("grid_width", blocks.grid_width, 1);
  read("grid_radius", blocks.grid_radius, 0);
  if (const auto ratio = value.find("sparsity_ratio")) {
    if (blocks.rule == BlockRule::grid) ratio->refuse("rule \"grid\" has none: grid_radius says what stays");
    blocks.sparsity_ratio = ratio->number(0.0, 1.0);
  }
  if (const auto rates = value.find("rates")) {
    for (const JsonValue& rate : rates->one_or_more()) blocks.rates.push_back(rate.integer(1));
  }
  if (const auto per_head = value.find("per_head")) blocks.per_head = per_head->boolean();
  try {
    validate(blocks);
  } catch (const UsageError& error) {
    throw UsageError(value.source() + ": " + error.what());
  }
  return blocks;
}

/// The fields that the rule reads.
Json to_json(const BlockSparsity& blocks) {
  Json object{{"rule", to_string(blocks.rule)}, {"block_size", blocks.block_size}};
  if (blocks.rule == BlockRule::grid) {
    object["grid_width"] = blocks.grid_width;
    object["grid_radius"] = blocks.grid_radius;
    return object;
  }
  object["sparsity_ratio"] = blocks.sparsity_ratio;
  if (blocks.rule == BlockRule::global_local) object["global_blocks"] = blocks.global_blocks;
  if (blocks.rule != BlockRule::dilated) return object;
  if (!blocks.rates.empty()) object["rates"] = blocks.rates;
  object["per_head"] = blocks.per_head;
  return object;
}

/// "file.json: /workload/window", as messages begin.
std::string where(const JsonValue& value) { return value.source() + ": " + value.pointer(); }

/// A number or the text that -a takes.
std::string number_or_text(const JsonValue& value) {
  return value.is_string() ? value.string() : std::to_string(value.integer(0));
}

Window window_from_json(const JsonValue& value) { return parse_window(number_or_text(value), where(value)); }
DocumentSpec documents_from_json(const JsonValue& value) {
  return parse_documents(number_or_text(value), where(value));
}

}  // namespace

Json to_json(const PatternSpec& spec) {
  const bool has_blocks = spec.blocks.rule != BlockRule::none;
  if (spec.name != PatternName::custom && has_blocks)
    return {{"from", to_string(spec.name)}, {"blocks", to_json(spec.blocks)}};
  if (spec.name != PatternName::custom) return Json(to_string(spec.name));
  const PatternAxes& a = spec.axes;
  Json object{{"placement", to_string(a.placement)}, {"heads", to_string(a.heads)}, {"offset", to_string(a.offset)},
              {"queries", to_string(a.queries)},     {"keys", to_string(a.keys)},   {"join", to_string(a.join)},
              {"order", to_string(a.order)},         {"tail", to_string(a.tail)}};
  if (has_blocks) object["blocks"] = to_json(spec.blocks);
  return object;
}

PatternSpec pattern_from_json(const JsonValue& value) {
  if (!value.is_object()) {
    if (!value.is_string()) value.refuse("must be a pattern name or an object of axes");
    return {.name = parse<PatternName>(value.word(pattern_names()), value.pointer())};
  }
  value.allow_only({"from", "placement", "heads", "offset", "queries", "keys", "join", "order", "tail", "blocks"});
  BlockSparsity blocks;
  if (const auto member = value.find("blocks")) blocks = blocks_from_json(*member);
  if (is_name_with_blocks(value)) return {.name = base_name(value), .blocks = blocks};
  PatternSpec spec{.name = PatternName::custom, .axes = axes_of(base_name(value)), .blocks = blocks};
  read_axis(value, "placement", spec.axes.placement);
  read_axis(value, "heads", spec.axes.heads);
  read_axis(value, "offset", spec.axes.offset);
  read_axis(value, "queries", spec.axes.queries);
  read_axis(value, "keys", spec.axes.keys);
  read_axis(value, "join", spec.axes.join);
  read_axis(value, "order", spec.axes.order);
  read_axis(value, "tail", spec.axes.tail);
  return spec;
}

Json to_json(const RingAttentionConfig& config) {
  Json object = Json::object();
  for (const ConfigField& field : config_field_table()) {
    Json value = field.get(config);
    // The lists of a dense configuration may be absent, never written as empty: an empty list is refused when read.
    if (value.is_array() && value.empty()) continue;
    object[field.info.name] = std::move(value);
  }
  return object;
}

Json to_json_short(const RingAttentionConfig& config) {
  Json object = Json::object();
  for (const FieldValue& field : non_default_fields(config)) object[field.field] = Json::parse(field.value);
  return object;
}

RingAttentionConfig config_from_json(const JsonValue& value) {
  value.allow_only(config_field_names());
  RingAttentionConfig config;
  for (const ConfigField& field : config_field_table()) {
    if (const auto member = value.find(field.info.name)) field.set(config, *member);
  }
  const Breach breach = check_between_fields(config);
  if (!breach.what.empty())
    throw UsageError(value.source() + ": " + value.pointer() + "/" + breach.field + ": " + breach.what);
  return config;
}

Json to_json(const Workload& workload) {
  const auto texts = [](const auto& values) {
    Json list = Json::array();
    for (const auto& value : values) list.push_back(to_string(value));
    return list;
  };
  return {{"batch", workload.batch},
          {"seq_len", workload.seq_len},
          {"heads", workload.heads},
          {"head_dim", workload.head_dim},
          {"dtype", texts(workload.dtype)},
          {"is_causal", workload.is_causal},
          {"ranks", workload.ranks},
          {"kv_heads", workload.kv_heads},
          {"window", texts(workload.window)},
          {"documents", texts(workload.documents)},
          {"mask", workload.mask}};
}

Workload workload_from_json(const JsonValue& value) {
  value.allow_only({"batch", "seq_len", "heads", "head_dim", "dtype", "is_causal", "ranks", "kv_heads", "window",
                    "documents", "mask"});
  Workload workload;
  const auto read = [&](const char* key, auto& axis, auto element) {
    using Element = typename std::decay_t<decltype(axis)>::value_type;
    if (const auto list = value.find(key)) axis = read_list<Element>(*list, element);
  };
  const auto count = [](const JsonValue& v) { return v.integer(1); };
  read("batch", workload.batch, count);
  read("seq_len", workload.seq_len, count);
  read("heads", workload.heads, count);
  read("head_dim", workload.head_dim, count);
  read("ranks", workload.ranks, count);
  read("dtype", workload.dtype, [](const JsonValue& v) { return parse_dtype(v.word(names<Dtype>()), v.pointer()); });
  read("is_causal", workload.is_causal, [](const JsonValue& v) { return v.boolean(); });
  read("kv_heads", workload.kv_heads, [](const JsonValue& v) { return v.integer(0); });
  read("window", workload.window, window_from_json);
  read("documents", workload.documents, documents_from_json);
  read("mask", workload.mask, [](const JsonValue& v) { return parse_mask(v.string(), where(v)); });
  return workload;
}

Json to_json(const Case& c) {
  return {{"batch", c.batch},
          {"seq_len", c.seq_len},
          {"heads", c.heads},
          {"head_dim", c.head_dim},
          {"dtype", to_string(c.dtype)},
          {"is_causal", c.is_causal},
          {"ranks", c.ranks},
          {"kv_heads", c.kv_heads},
          {"window", to_string(c.window)},
          {"documents", to_string(c.documents)},
          {"mask", c.mask}};
}

Json to_json(const Preset& preset) {
  return {{"name", preset.name},
          {"description", preset.description},
          {"implementation", preset.implementation},
          {"config", to_json(preset.config)},
          {"workload", to_json(preset.workload)}};
}

Preset preset_from_json(const JsonValue& value) {
  value.allow_only({"$schema", "name", "description", "implementation", "config", "workload"});
  Preset preset;
  preset.name = value.require("name").string();
  if (const auto text = value.find("description")) preset.description = text->string();
  if (const auto schema = value.find("$schema")) (void)schema->string();
  preset.implementation = value.require("implementation").word(implementation_names());
  preset.config = config_from_json(value.require("config"));
  preset.workload = workload_from_json(value.require("workload"));
  return preset;
}

std::string to_json_text(const RingAttentionConfig& config) { return to_json(config).dump(2); }
std::string to_json_text_short(const RingAttentionConfig& config) { return to_json_short(config).dump(2); }
std::string to_json_text(const Preset& preset) { return to_json(preset).dump(2); }

RingAttentionConfig config_from_json_text(std::string_view text, const std::string& source) {
  const Json json = parse_json_strict(text, source);
  return config_from_json(JsonValue(json, source));
}

Preset preset_from_json_text(std::string_view text, const std::string& source) {
  const Json json = parse_json_strict(text, source);
  return preset_from_json(JsonValue(json, source));
}

}  // namespace ringattn
