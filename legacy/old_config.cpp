#include "legacy/old_config.h"

#include "config/did_you_mean.h"
#include "config/error.h"
#include "legacy/parameters.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <string_view>

namespace ringattn::legacy {
namespace {

constexpr std::int64_t kLargest = std::int64_t{1} << 48;

/// The call's own argument, which some configurations name among the constructor's.
constexpr std::string_view kIsCausal = "is_causal";
/// What no constructor took under this name, but everybody writes.
constexpr std::string_view kHeadDim = "head_dim";

void check_names(const JsonValue& object) {
  for (const auto& [name, value] : object.raw().items()) {
    if (name == kIsCausal || name == kHeadDim || find_rule(name) != nullptr) continue;
    std::vector<std::string> known = known_parameters();
    known.emplace_back(kIsCausal);
    throw UsageError(object.source() + ": " + name + ": no old class had such a parameter" +
                     did_you_mean(name, known) + " (got " + value.dump() + ")");
  }
}

/// The values of one thing under its several names; null is as good as absent.
class Reader {
 public:
  explicit Reader(const JsonValue& object) : object_(object) {}

  template <class Value, class Read>
  std::optional<Value> one(std::array<const char*, 2> names, const Read& read) const {
    std::optional<Value> result;
    for (const char* name : names) {
      const auto given = object_.find(name);
      if (!given || given->is_null()) continue;
      const Value value = read(*given);
      if (result && *result != value)
        given->refuse(std::string("must agree with ") + names[0] + ", which says another thing");
      result = value;
    }
    return result;
  }

  std::optional<std::int64_t> integer(const char* name, const char* other) const {
    return one<std::int64_t>({name, other}, [](const JsonValue& value) { return value.integer(1, kLargest); });
  }
  std::optional<double> number(const char* name, const char* other, double low, double high) const {
    return one<double>({name, other}, [=](const JsonValue& value) { return value.number(low, high); });
  }
  std::optional<bool> boolean(const char* name, const char* other) const {
    return one<bool>({name, other}, [](const JsonValue& value) { return value.boolean(); });
  }
  std::vector<std::int64_t> integers(const char* name, const char* single) const {
    const auto list = one<std::vector<std::int64_t>>({name, single}, [](const JsonValue& value) {
      std::vector<std::int64_t> numbers;
      for (const JsonValue& element : value.one_or_more()) numbers.push_back(element.integer(1, kLargest));
      return numbers;
    });
    return list.value_or(std::vector<std::int64_t>{});
  }

 private:
  const JsonValue& object_;
};

void check_lists(const OldParameters& old, const std::string& source) {
  if (old.segment_lengths.size() == old.dilation_rates.size()) return;
  if (old.segment_lengths.empty() || old.dilation_rates.empty()) return;  // the other one is a default of the class
  throw UsageError(source + ": dilation_rates: has " + std::to_string(old.dilation_rates.size()) +
                   " numbers, must have as many as segment_lengths, " + std::to_string(old.segment_lengths.size()));
}

std::string read_text(const std::string& path, const std::string& flag) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored))
    throw UsageError(flag + ": \"" + path + "\" is no file; give a JSON file of old constructor arguments, or a JSON " +
                     R"(object such as {"segment_lengths": [2048], "dilation_rates": [1]})");
  std::ifstream file(path, std::ios::binary);
  std::string text(json_bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace

OldParameters read_old_parameters(const Json& parameters, const std::string& source) {
  const JsonValue object(parameters, source);
  if (!object.is_object()) object.refuse("must be an object of old constructor arguments by name");
  check_names(object);
  const Reader read(object);
  OldParameters old{.segment_lengths = read.integers("segment_lengths", "segment_size"),
                    .dilation_rates = read.integers("dilation_rates", "dilation_rate"),
                    .dropout = read.number("dropout", "attention_dropout", 0.0, 1.0),
                    .softmax_scale = read.number("softmax_scale", "attention_scale", -1e30, 1e30),
                    .is_causal = read.boolean("is_causal", "causal"),
                    .ring_size = read.integer("ring_size", "ring_size"),
                    .heads = read.integer("num_heads", "heads"),
                    .head_dim = read.integer("head_dim", "dim"),
                    .embed_dim = read.integer("embed_dim", "hidden_dim"),
                    .given = parameters};
  check_lists(old, source);
  for (const auto& [name, value] : parameters.items()) {
    const bool is_apart = name == "segment_lengths" || name == "dilation_rates" || name == "ring_size" ||
                          name == "causal" || name == kIsCausal;
    if (!is_apart) old.constructor[name] = value;
  }
  return old;
}

OldParameters load_old_parameters(const std::string& file_or_text, const std::string& flag) {
  if (file_or_text.starts_with("{")) return read_old_parameters(parse_json_strict(file_or_text, flag), flag);
  return read_old_parameters(parse_json_strict(read_text(file_or_text, flag), file_or_text), file_or_text);
}

}  // namespace ringattn::legacy
