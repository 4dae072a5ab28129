#include "config/config_fields.h"

namespace ringattn {
namespace {

/// JSON to a Python literal. Lists and objects keep their shape; true, false and null change their names.
std::string python_literal(const Json& value) {
  if (value.is_null()) return "None";
  if (value.is_boolean()) return value.get<bool>() ? "True" : "False";
  if (value.is_array()) {
    std::string text = "[";
    for (const Json& element : value) text += (text.size() > 1 ? ", " : "") + python_literal(element);
    return text + "]";
  }
  if (value.is_object()) {
    std::string text = "{";
    for (const auto& item : value.items())
      text += (text.size() > 1 ? ", \"" : "\"") + item.key() + "\": " + python_literal(item.value());
    return text + "}";
  }
  return value.dump();
}

std::string python_value(const std::string& field, const Json& value) {
  if (field != "dtype") return python_literal(value);
  if (value == "fp32") return "torch.float32";
  if (value == "bf16") return "torch.bfloat16";
  if (value == "fp16") return "torch.float16";
  return value == "fp64" ? "torch.float64" : "None";
}

}  // namespace

std::string to_python(const RingAttentionConfig& config) {
  const RingAttentionConfig defaults;
  std::string text = "RingAttentionConfig(\n";
  for (const ConfigField& field : config_field_table()) {
    const Json value = field.get(config);
    const bool is_list = field.info.name == "segment_lengths" || field.info.name == "dilation_rates";
    if (!is_list && value == field.get(defaults)) continue;
    text += "    " + field.info.name + "=" + python_value(field.info.name, value) + ",";
    text += field.info.in_guide ? "\n" : "  # ringattn only: the Python class has no such field\n";
  }
  return text + ")";
}

}  // namespace ringattn
