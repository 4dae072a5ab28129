#include "config/error.h"
#include "config/window.h"
#include "report/fields.h"
#include "report/json.h"
#include "report/report_words.h"

#include <cmath>
#include <limits>

namespace ringattn {
namespace {

/// A report of thousands of cases; a preset is far smaller.
constexpr std::size_t report_bytes_max = std::size_t{1} << 30;

void decode(const JsonValue& json, bool& value) { value = json.boolean(); }
void decode(const JsonValue& json, std::string& value) { value = json.string(); }
void decode(const JsonValue& json, Json& value) {
  if (!json.is_object()) json.refuse("must be an object");
  value = json.raw();
}

void decode(const JsonValue& json, std::int64_t& value) {
  value = json.integer(std::numeric_limits<std::int64_t>::min());
}

void decode(const JsonValue& json, int& value) {
  value = static_cast<int>(json.integer(std::numeric_limits<int>::min(), std::numeric_limits<int>::max()));
}

void decode(const JsonValue& json, double& value) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (!json.is_string()) {
    value = json.number(std::numeric_limits<double>::lowest());
    return;
  }
  const std::string word = json.word({"nan", "inf", "-inf"});
  value = word == "nan" ? std::numeric_limits<double>::quiet_NaN() : word == "inf" ? infinity : -infinity;
}

void decode(const JsonValue& json, Window& value) {
  value = parse_window(json.string(), json.source() + ": " + json.pointer());
}

void decode(const JsonValue& json, DocumentSpec& value) {
  value = parse_documents(json.string(), json.source() + ": " + json.pointer());
}

template <typename Enum>
requires std::is_enum_v<Enum>
void decode(const JsonValue& json, Enum& value) {
  std::vector<std::string> words;
  for (const Enum known : all_values<Enum>) words.emplace_back(to_string(known));
  const std::string word = json.word(words);
  for (const Enum known : all_values<Enum>) {
    if (to_string(known) == word) value = known;
  }
}

template <typename Struct>
requires std::is_class_v<Struct>
void decode(const JsonValue& json, Struct& value);
template <typename T>
void decode(const JsonValue& json, std::vector<T>& values);
template <typename T>
void decode(const JsonValue& json, std::map<std::string, T>& values);
template <typename T>
void decode(const JsonValue& json, std::optional<T>& value);

struct KeyList {
  std::vector<std::string> keys;
  void operator()(const char* key, const auto&) { keys.emplace_back(key); }
  void operator()(const char* key, const auto&, MayBeAbsent) { keys.emplace_back(key); }
};

struct Reader {
  const JsonValue& object;
  template <typename T>
  void operator()(const char* key, T& value) {
    decode(object.require(key), value);
  }
  template <typename T>
  void operator()(const char* key, T& value, MayBeAbsent) {
    if (object.raw().contains(key)) decode(object.require(key), value);
  }
};

template <typename Struct>
requires std::is_class_v<Struct>
void decode(const JsonValue& json, Struct& value) {
  KeyList known;
  fields(known, value);
  json.allow_only(known.keys);
  Reader reader{json};
  fields(reader, value);
}

template <typename T>
void decode(const JsonValue& json, std::vector<T>& values) {
  values.clear();
  if (json.is_array() && json.raw().empty()) return;
  for (const JsonValue& element : json.elements()) decode(element, values.emplace_back());
}

template <typename T>
void decode(const JsonValue& json, std::map<std::string, T>& values) {
  values.clear();
  if (!json.is_object()) json.refuse("must be an object");
  for (const auto& item : json.raw().items()) decode(json.require(item.key()), values[item.key()]);
}

template <typename T>
void decode(const JsonValue& json, std::optional<T>& value) {
  value.reset();
  if (!json.is_null()) decode(json, value.emplace());
}

/// "1.0" of "1.0.0": what must agree; a third number only mends.
std::string compatible_part(std::string_view version) { return std::string(version.substr(0, version.rfind('.'))); }

void check_schema(const JsonValue& root) {
  if (!root.is_object()) root.refuse("is no report: must be an object");
  const JsonValue schema = root.require("schema");
  if (schema.string() != report_schema) schema.refuse("must be \"" + std::string(report_schema) + "\"");
  const JsonValue version = root.require("schema_version");
  if (compatible_part(version.string()) != compatible_part(report_schema_version))
    version.refuse("this program reads version " + compatible_part(report_schema_version) + " of the report's schema");
}

}  // namespace

Report report_from_json(std::string_view text, const std::string& source) {
  const Json document = parse_json_strict(text, source, report_bytes_max);
  const JsonValue root(document, source);
  check_schema(root);
  Report report;
  decode(root, report);
  return report;
}

}  // namespace ringattn
