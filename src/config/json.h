#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The only header of this room that shows the JSON library. Keys keep the order in which they were written.

namespace ringattn {

using Json = nlohmann::ordered_json;

constexpr std::size_t json_bytes_max = std::size_t{1} << 20;
constexpr int json_depth_max = 16;
constexpr std::size_t json_keys_max = std::size_t{1} << 14;  ///< of one object: each is looked for among the others

/// Parses JSON strictly: no duplicate keys, comments, NaN, trailing text, more than json_depth_max levels,
/// json_keys_max keys in an object or json_bytes_max bytes. `source` (a file name, "stdin", "--set dropout") begins
/// every error message. Throws UsageError.
Json parse_json_strict(std::string_view text, const std::string& source, std::size_t bytes_max = json_bytes_max);

/// Indented by two. Bytes that are no UTF-8 (a file's name may have some) become U+FFFD.
std::string json_text(const Json& json);
/// Whether JSON can hold the text as it is.
bool is_utf8(std::string_view text);

/// A JSON value that knows where it came from. Every read checks the type and the range; a refusal is a UsageError that
/// names the source, the JSON pointer, the value, and what would be right.
class JsonValue {
 public:
  JsonValue(const Json& value, std::string source, std::string pointer = "")
      : value_(&value), source_(std::move(source)), pointer_(std::move(pointer)) {}

  const Json& raw() const { return *value_; }
  const std::string& pointer() const { return pointer_; }
  const std::string& source() const { return source_; }
  bool is_null() const { return value_->is_null(); }
  bool is_array() const { return value_->is_array(); }
  bool is_object() const { return value_->is_object(); }
  bool is_string() const { return value_->is_string(); }

  /// An integer in [low, high]; 4096.0 is refused.
  std::int64_t integer(std::int64_t low, std::int64_t high = std::numeric_limits<std::int64_t>::max()) const;
  /// A finite number in [low, high]; integers are accepted.
  double number(double low, double high = std::numeric_limits<double>::max()) const;
  bool boolean() const;
  std::string string() const;
  /// A string that is one of `known`; the message suggests the nearest.
  std::string word(const std::vector<std::string>& known) const;
  /// The elements of a non-empty array.
  std::vector<JsonValue> elements() const;
  /// The elements of a non-empty array, or the value itself as a list of one.
  std::vector<JsonValue> one_or_more() const;

  /// Refuses every key that is not in `known`, naming the nearest.
  void allow_only(const std::vector<std::string>& known) const;
  /// Members of an object.
  std::optional<JsonValue> find(const std::string& key) const;
  JsonValue require(const std::string& key) const;

  /// Throws UsageError: "<source>: <pointer>: <what> (got <value>)".
  [[noreturn]] void refuse(const std::string& what) const;

 private:
  const Json* value_;
  std::string source_;
  std::string pointer_;
};

}  // namespace ringattn
