#include "config/json.h"

#include "config/did_you_mean.h"
#include "config/error.h"

#include <cmath>
#include <set>

namespace ringattn {
namespace {

std::string shown(const Json& value) {
  constexpr std::size_t shown_max = 80;
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() <= shown_max) return text;
  std::size_t end = shown_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // no character in two
  return text.substr(0, end) + " …";
}

/// JSON pointers write ~ as ~0 and / as ~1 (RFC 6901).
std::string escaped(const std::string& key) {
  std::string result;
  for (const char c : key) result += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
  return result;
}

/// Watches a parse: the library itself keeps the last of two equal keys without a word.
class ParseWatch {
 public:
  explicit ParseWatch(const std::string& source) : source_(source) {}

  bool operator()(int depth, Json::parse_event_t event, Json& parsed) {
    using Event = Json::parse_event_t;
    if (event == Event::object_start || event == Event::array_start) open(depth, event == Event::object_start);
    if (event == Event::key) enter(parsed.get<std::string>());
    if (event == Event::object_end || event == Event::array_end) close();
    if (event == Event::value) next();
    return true;
  }

 private:
  struct Level {
    bool is_object = false;
    std::set<std::string> keys{};
    std::string key{};
    std::size_t index = 0;
  };

  void open(int depth, bool is_object) {
    if (depth >= json_depth_max) {
      throw UsageError(source_ + ": " + pointer() + ": nested deeper than " + std::to_string(json_depth_max) +
                       " levels");
    }
    levels_.push_back({.is_object = is_object});
  }

  void enter(const std::string& key) {
    Level& level = levels_.back();
    if (level.keys.size() >= json_keys_max)
      throw UsageError(source_ + ": " + pointer() + ": an object of more than " + std::to_string(json_keys_max) +
                       " keys");
    level.key = key;
    if (!level.keys.insert(key).second) throw UsageError(source_ + ": " + pointer() + ": this key is given twice");
  }

  void close() {
    levels_.pop_back();
    next();
  }

  void next() {
    if (!levels_.empty()) ++levels_.back().index;
  }

  std::string pointer() const {
    std::string result;
    for (const Level& level : levels_)
      result += "/" + (level.is_object ? escaped(level.key) : std::to_string(level.index));
    return result.empty() ? "/" : result;
  }

  const std::string& source_;
  std::vector<Level> levels_;
};

/// "[json.exception.parse_error.101] parse error at line 1, column 2: …" without the bracket.
std::string without_tag(const std::string& message) {
  const std::size_t end = message.starts_with("[json.exception") ? message.find("] ") : std::string::npos;
  return end == std::string::npos ? message : message.substr(end + 2);
}

std::string range_text(std::int64_t low, std::int64_t high) {
  if (high == std::numeric_limits<std::int64_t>::max()) {
    return low == 1 ? "a positive integer" : "an integer, at least " + std::to_string(low);
  }
  return "an integer between " + std::to_string(low) + " and " + std::to_string(high);
}

std::string range_text(double low, double high) {
  if (high == std::numeric_limits<double>::max()) return "a finite number, at least " + shown(Json(low));
  return "a number between " + shown(Json(low)) + " and " + shown(Json(high));
}

}  // namespace

Json parse_json_strict(std::string_view text, const std::string& source, std::size_t bytes_max) {
  if (text.size() > bytes_max) {
    throw UsageError(source + ": larger than " + std::to_string(bytes_max) + " bytes (got " +
                     std::to_string(text.size()) + ")");
  }
  ParseWatch watch(source);
  try {
    return Json::parse(text, std::ref(watch), /*allow_exceptions=*/true, /*ignore_comments=*/false);
  } catch (const Json::exception& error) {
    throw UsageError(source + ": not valid JSON: " + without_tag(error.what()));
  }
}

std::string json_text(const Json& json) { return json.dump(2, ' ', false, Json::error_handler_t::replace); }

bool is_utf8(std::string_view text) {
  try {
    return !Json(std::string(text)).dump().empty();
  } catch (const Json::type_error&) {
    return false;
  }
}

void JsonValue::refuse(const std::string& what) const {
  throw UsageError(source_ + ": " + (pointer_.empty() ? "" : pointer_ + ": ") + what + " (got " + shown(*value_) + ")");
}

std::int64_t JsonValue::integer(std::int64_t low, std::int64_t high) const {
  const std::string wanted = "must be " + range_text(low, high);
  if (!value_->is_number_integer()) refuse(wanted);
  const bool too_large =
      value_->is_number_unsigned() &&
      value_->get<std::uint64_t>() > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  if (too_large) refuse(wanted);
  const auto number = value_->get<std::int64_t>();
  if (number < low || number > high) refuse(wanted);
  return number;
}

double JsonValue::number(double low, double high) const {
  const std::string wanted = "must be " + range_text(low, high);
  if (!value_->is_number()) refuse(wanted);
  const auto number = value_->get<double>();
  if (!std::isfinite(number) || number < low || number > high) refuse(wanted);
  return number;
}

bool JsonValue::boolean() const {
  if (!value_->is_boolean()) refuse("must be true or false");
  return value_->get<bool>();
}

std::string JsonValue::string() const {
  if (!value_->is_string()) refuse("must be a string");
  return value_->get<std::string>();
}

std::string JsonValue::word(const std::vector<std::string>& known) const {
  std::string wanted = "must be one of";
  for (const std::string& name : known) wanted += (&name == &known.front() ? " " : ", ") + name;
  if (!value_->is_string()) refuse(wanted);
  std::string text = value_->get<std::string>();
  for (const std::string& name : known) {
    if (name == text) return text;
  }
  const auto near = nearest(text, known);
  refuse(near ? wanted + "; did you mean \"" + *near + "\"?" : wanted);
}

std::vector<JsonValue> JsonValue::elements() const {
  if (!value_->is_array()) refuse("must be a list");
  if (value_->empty()) refuse("cannot be empty");
  std::vector<JsonValue> result;
  for (std::size_t i = 0; i < value_->size(); ++i) {
    result.emplace_back((*value_)[i], source_, pointer_ + "/" + std::to_string(i));
  }
  return result;
}

std::vector<JsonValue> JsonValue::one_or_more() const {
  if (value_->is_array()) return elements();
  return {*this};
}

void JsonValue::allow_only(const std::vector<std::string>& known) const {
  if (!value_->is_object()) refuse("must be an object");
  for (const auto& item : value_->items()) {
    bool is_known = false;
    for (const std::string& name : known) is_known = is_known || name == item.key();
    if (is_known) continue;
    JsonValue(item.value(), source_, pointer_ + "/" + escaped(item.key()))
        .refuse("unknown key" + did_you_mean(item.key(), known));
  }
}

std::optional<JsonValue> JsonValue::find(const std::string& key) const {
  if (!value_->is_object()) refuse("must be an object");
  const auto found = value_->find(key);
  if (found == value_->end()) return std::nullopt;
  return JsonValue(*found, source_, pointer_ + "/" + escaped(key));
}

JsonValue JsonValue::require(const std::string& key) const {
  if (auto found = find(key)) return *found;
  throw UsageError(source_ + ": " + pointer_ + "/" + escaped(key) + ": this key is required");
}

}  // namespace ringattn
