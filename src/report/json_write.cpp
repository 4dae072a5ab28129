#include "config/window.h"
#include "report/fields.h"
#include "report/json.h"

#include <cmath>

namespace ringattn {
namespace {

Json encode(bool value) { return value; }
Json encode(int value) { return value; }
Json encode(std::int64_t value) { return value; }
Json encode(const std::string& value) { return value; }
Json encode(const Json& value) { return value; }
Json encode(const Window& value) { return to_string(value); }
Json encode(const DocumentSpec& value) { return to_string(value); }

Json encode(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

template <typename Enum>
requires std::is_enum_v<Enum> Json encode(Enum value) { return std::string(to_string(value)); }

template <typename Struct>
requires std::is_class_v<Struct> Json encode(const Struct& value);
template <typename T>
Json encode(const std::vector<T>& values);
template <typename T>
Json encode(const std::map<std::string, T>& values);
template <typename T>
Json encode(const std::optional<T>& value);

struct Writer {
  Json object = Json::object();
  template <typename T>
  void operator()(const char* key, const T& value) {
    object[key] = encode(value);
  }
  template <typename T>
  void operator()(const char* key, const T& value, MayBeAbsent) {
    object[key] = encode(value);
  }
};

template <typename Struct>
requires std::is_class_v<Struct> Json encode(const Struct& value) {
  Writer writer;
  fields(writer, value);
  return writer.object;
}

template <typename T>
Json encode(const std::vector<T>& values) {
  Json list = Json::array();
  for (const T& value : values) list.push_back(encode(value));
  return list;
}

template <typename T>
Json encode(const std::map<std::string, T>& values) {
  Json object = Json::object();
  for (const auto& [key, value] : values) object[key] = encode(value);
  return object;
}

template <typename T>
Json encode(const std::optional<T>& value) {
  return value ? encode(*value) : Json(nullptr);
}

}  // namespace

Json to_json(const Report& report) { return encode(report); }

std::string to_json_text(const Report& report) {
  // Bytes that are no UTF-8 (an odd file name on the command line) are replaced: a report is always valid JSON.
  return json_text(to_json(report)) + "\n";
}

Json to_json(const ResolvedRecord& record) { return encode(record); }
Json to_json(const Environment& environment) { return encode(environment); }

}  // namespace ringattn
