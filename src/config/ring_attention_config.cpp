#include "config/ring_attention_config.h"

#include "config/config_fields.h"
#include "config/did_you_mean.h"
#include "config/error.h"

namespace ringattn {
namespace {

constexpr std::int64_t hilbert_level_max =
    16;  // 4^16 cells; the curve generator of the guide's package stops there too

/// Whether the text cannot be meant as JSON: it begins like none of JSON's values.
bool is_bare_word(const std::string& text) {
  if (text.empty() || text == "true" || text == "false" || text == "null") return false;
  return std::string("[{\"-0123456789").find(text[0]) == std::string::npos;
}

}  // namespace

std::vector<Pair> pairs(const RingAttentionConfig& config) {
  std::vector<Pair> list;
  for (std::size_t i = 0; i < config.segment_lengths.size() && i < config.dilation_rates.size(); ++i) {
    list.push_back({config.segment_lengths[i], config.dilation_rates[i]});
  }
  return list;
}

Breach check_between_fields(const RingAttentionConfig& config) {
  const std::size_t segments = config.segment_lengths.size();
  const std::size_t rates = config.dilation_rates.size();
  if (segments != rates) {
    return {"segment_lengths", "segment_lengths and dilation_rates must have the same length: " +
                                   std::to_string(segments) + " != " + std::to_string(rates)};
  }
  if (segments == 0 && !is_one_whole_pair(config.pattern, false)) {
    return {"segment_lengths", "segment_lengths cannot be empty; give at least one length, or set pattern to dense"};
  }
  try {
    validate(config.pattern.blocks);
  } catch (const UsageError& error) {
    return {"pattern", error.what()};
  }
  if (config.pattern.name == PatternName::custom) {
    try {
      validate(config.pattern.axes, is_one_whole_pair(config.pattern, segments > 0) ? 1 : segments);
    } catch (const UsageError& error) {
      return {"pattern", error.what()};
    }
  }
  const bool level_fits = config.hilbert_curve_level >= 1 && config.hilbert_curve_level <= hilbert_level_max;
  const bool has_curve = config.use_hilbert || config.layout == Layout::hilbert ||
                         axes_of(config.pattern, segments > 0).order == OrderRule::hilbert;
  if (has_curve && !level_fits) {
    return {"hilbert_curve_level", "hilbert_curve_level must be between 1 and " + std::to_string(hilbert_level_max) +
                                       " where " +
                                       (config.use_hilbert ? "use_hilbert is set" : "rows follow a Hilbert curve") +
                                       " (got " + std::to_string(config.hilbert_curve_level) + ")"};
  }
  if (config.watchdog_timeout <= 0.0) return {"watchdog_timeout", "watchdog_timeout must be above 0 seconds (got 0)"};
  return {};
}

void validate(const RingAttentionConfig& config) {
  RingAttentionConfig scratch;
  for (const ConfigField& field : config_field_table()) {
    const Json value = field.get(config);
    // An empty list has no elements to check; whether it may be empty is a rule between fields.
    if (value.is_array() && value.empty()) continue;
    field.set(scratch, JsonValue(value, field.info.name));
  }
  const Breach breach = check_between_fields(config);
  if (!breach.what.empty()) throw UsageError(breach.what);
}

CurveLimits curve_limits(const RingAttentionConfig& config) {
  return {.level = config.hilbert_curve_level, .min_rows = config.hilbert_min_segment_size};
}

namespace {

/// Rates that the blocks do not say are the configuration's own; without any, 1.
BlockSparsity blocks_of(const RingAttentionConfig& config) {
  BlockSparsity blocks = ringattn::blocks_of(config.pattern);
  if (blocks.rule != BlockRule::dilated || !blocks.rates.empty()) return blocks;
  blocks.rates = config.dilation_rates.empty() ? std::vector<std::int64_t>{1} : config.dilation_rates;
  return blocks;
}

}  // namespace

AttentionFunction resolve_function(const RingAttentionConfig& config, const Problem& problem) {
  validate(config);
  validate(problem);
  const bool is_one_pair = is_one_whole_pair(config.pattern, !config.segment_lengths.empty());
  const PatternAxes axes = axes_of(config.pattern, !config.segment_lengths.empty());
  return {.axes = axes,
          .pairs = is_one_pair ? std::vector<Pair>{{problem.seq_len, 1}} : pairs(config),
          .seq_len = problem.seq_len,
          .heads = problem.heads,
          .is_causal = problem.is_causal,
          .kv_heads = problem.kv_heads == problem.heads ? 0 : problem.kv_heads,
          .window = problem.window,
          .documents = problem.documents,
          .mask = problem.mask,
          .dropout = problem.is_training ? config.dropout : 0.0,
          .dropout_seed = problem.is_training && config.dropout > 0 ? problem.dropout_seed : 0,
          .softmax_scale = config.softmax_scale,
          .blocks = blocks_of(config),
          .curve = axes.order == OrderRule::hilbert ? curve_limits(config) : CurveLimits{}};
}

AttentionFunction resolve_function(const RingAttentionConfig& config, std::int64_t seq_len, std::int64_t heads,
                                   bool is_causal) {
  return resolve_function(config, {.seq_len = seq_len, .heads = heads, .is_causal = is_causal});
}

std::vector<FieldValue> non_default_fields(const RingAttentionConfig& config) {
  std::vector<FieldValue> list;
  for (const ConfigField& field : config_field_table()) {
    const std::string value = field.get(config).dump();
    if (value != field.info.default_value) list.push_back({field.info.name, value});
  }
  return list;
}

void set_field(RingAttentionConfig& config, const std::string& name, const std::string& value,
               const std::string& source) {
  const ConfigField* field = find_config_field(name);
  if (field == nullptr) {
    throw UsageError(source + " " + name + ": unknown field" + did_you_mean(name, config_field_names()));
  }
  const std::string origin = source + " " + name;
  const bool takes_none = name == "compile_mode" || name == "ring_size" || name == "softmax_scale";
  const bool is_none = takes_none && (value == "none" || value == "None");
  const Json json = is_none ? Json(nullptr) : is_bare_word(value) ? Json(value) : parse_json_strict(value, origin);
  field->set(config, JsonValue(json, origin));
}

}  // namespace ringattn
