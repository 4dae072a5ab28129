#pragma once

#include "config/json.h"
#include "config/ring_attention_config.h"

#include <functional>
#include <string>
#include <vector>

namespace ringattn {

/// One field of RingAttentionConfig: how it is documented, written and read. The table is the only place that knows a
/// field's JSON type and range; reading JSON, --set, validate() and all output go through it.
struct ConfigField {
  FieldInfo info;
  std::function<Json(const RingAttentionConfig&)> get;
  std::function<void(RingAttentionConfig&, const JsonValue&)> set;  ///< checks type and range
};

const std::vector<ConfigField>& config_field_table();
const ConfigField* find_config_field(const std::string& name);
const std::vector<std::string>& config_field_names();

/// A breach of a rule between fields: which field, and what is wrong. Empty `what`: none.
struct Breach {
  std::string field;
  std::string what;
};
Breach check_between_fields(const RingAttentionConfig& config);

}  // namespace ringattn
