#pragma once

#include "config/json.h"
#include "config/pattern_spec.h"
#include "config/preset.h"
#include "config/ring_attention_config.h"
#include "config/workload.h"

// JSON forms for those who compose documents (reports, presets). Everyone else uses the text functions and needs no
// JSON library.

namespace ringattn {

Json to_json(const PatternSpec& spec);  ///< a name, or an object of all eight axes
Json to_json(const RingAttentionConfig& config);
Json to_json_short(const RingAttentionConfig& config);
Json to_json(const Workload& workload);
Json to_json(const Case& c);
Json to_json(const Preset& preset);

/// Strict: unknown keys, wrong types and ranges are UsageErrors. Absent fields keep their defaults.
PatternSpec pattern_from_json(const JsonValue& value);
RingAttentionConfig config_from_json(const JsonValue& value);
Workload workload_from_json(const JsonValue& value);
Preset preset_from_json(const JsonValue& value);

}  // namespace ringattn
