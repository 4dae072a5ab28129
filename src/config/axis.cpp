#include "config/axis.h"

#include "config/config_json.h"
#include "config/did_you_mean.h"
#include "config/error.h"
#include "config/names.h"
#include "config/window.h"

#include <algorithm>
#include <charconv>

namespace ringattn {
namespace {

/// NAME[modifier]=SPEC taken apart, with what an error message needs.
struct AxisText {
  std::string source;  ///< "-a"
  std::string whole;   ///< "seq_len[pow2]=[12:20]"
  std::string name{};
  std::string modifier{};
  std::string spec{};

  [[noreturn]] void refuse(const std::string& what) const { throw UsageError(source + " " + whole + ": " + what); }
};

std::vector<std::string> axis_names() {
  std::vector<std::string> list;
  for (const AxisInfo& axis : workload_axes()) list.push_back(axis.name);
  return list;
}

std::string trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return "";
  return std::string(text.substr(first, text.find_last_not_of(" \t") - first + 1));
}

AxisText take_apart(std::string_view text, const std::string& source) {
  AxisText axis{.source = source, .whole = std::string(text)};
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) axis.refuse("must be NAME=SPEC, such as seq_len=1024,4096");
  axis.name = trimmed(text.substr(0, equals));
  axis.spec = trimmed(text.substr(equals + 1));
  const std::size_t bracket = axis.name.find('[');
  if (bracket != std::string::npos) {
    if (axis.name.back() != ']') axis.refuse("the modifier must be closed, such as seq_len[pow2]=10,12");
    axis.modifier = axis.name.substr(bracket + 1, axis.name.size() - bracket - 2);
    axis.name.resize(bracket);
    if (axis.modifier != "pow2") axis.refuse("unknown modifier [" + axis.modifier + "]; the only one is [pow2]");
  }
  const std::vector<std::string> known = axis_names();
  if (std::find(known.begin(), known.end(), axis.name) == known.end()) {
    axis.refuse("unknown axis \"" + axis.name + "\"" + did_you_mean(axis.name, known));
  }
  return axis;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != separator) continue;
    parts.push_back(trimmed(std::string_view(text).substr(begin, i - begin)));
    begin = i + 1;
  }
  return parts;
}

/// The text between a pair of brackets around all of it, or the text itself.
std::string without_brackets(const AxisText& axis) {
  const bool opens = axis.spec.starts_with('[');
  const bool closes = axis.spec.ends_with(']');
  if (opens != closes) axis.refuse("the brackets do not match, such as [1024,4096]");
  return opens ? trimmed(std::string_view(axis.spec).substr(1, axis.spec.size() - 2)) : axis.spec;
}

std::int64_t at_least(std::int64_t low, const AxisText& axis, const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::result_out_of_range) axis.refuse("\"" + text + "\" is too large");
  const bool is_whole = error == std::errc{} && end == text.data() + text.size();
  if (!is_whole || value < low)
    axis.refuse("\"" + text + "\" is " + (low == 0 ? "neither 0 nor" : "not") + " a positive integer");
  return value;
}

std::int64_t positive(const AxisText& axis, const std::string& text) { return at_least(1, axis, text); }

/// 2^exponent; 0 is a fair exponent here.
std::int64_t power_of_two(const AxisText& axis, std::int64_t exponent) {
  if (exponent > 62) axis.refuse("2^" + std::to_string(exponent) + " is too large; exponents go up to 62");
  return std::int64_t{1} << exponent;
}

std::int64_t exponent_of(const AxisText& axis, const std::string& text) {
  return text == "0" ? 0 : positive(axis, text);
}

/// FROM:TO[:STEP], both ends included.
std::vector<std::int64_t> range(const AxisText& axis, const std::string& text, bool is_exponent) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() > 3) axis.refuse("a range is [from:to] or [from:to:step]");
  const std::int64_t from = is_exponent ? exponent_of(axis, parts[0]) : positive(axis, parts[0]);
  const std::int64_t to = is_exponent ? exponent_of(axis, parts[1]) : positive(axis, parts[1]);
  const std::int64_t step = parts.size() == 3 ? positive(axis, parts[2]) : 1;
  if (from > to) axis.refuse("the range runs backwards: " + parts[0] + " is above " + parts[1]);
  const std::int64_t values = (to - from) / step + 1;
  if (values > static_cast<std::int64_t>(axis_values_max)) {
    axis.refuse("the range has " + std::to_string(values) + " values; at most " + std::to_string(axis_values_max) +
                " are allowed, give a larger step");
  }
  std::vector<std::int64_t> list;
  for (std::int64_t i = 0; i < values; ++i) list.push_back(from + i * step);
  return list;
}

template <typename T>
void refuse_duplicates(const AxisText& axis, const std::vector<T>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (values[i] == values[j]) axis.refuse("a value is given twice");
    }
  }
}

std::vector<std::string> words(const AxisText& axis) {
  const std::string list = without_brackets(axis);
  if (list.empty()) axis.refuse("the list is empty");
  std::vector<std::string> parts = split(list, ',');
  if (parts.size() > axis_values_max) axis.refuse("more than " + std::to_string(axis_values_max) + " values");
  for (const std::string& part : parts) {
    if (part.empty()) axis.refuse("a value is missing between commas");
  }
  return parts;
}

std::vector<std::int64_t> integers(const AxisText& axis) {
  const bool is_exponent = axis.modifier == "pow2";
  std::vector<std::int64_t> list;
  const std::vector<std::string> parts = words(axis);
  if (parts.size() == 1 && parts[0].find(':') != std::string::npos) {
    list = range(axis, parts[0], is_exponent);
  } else {
    for (const std::string& part : parts) {
      if (part.find(':') != std::string::npos) axis.refuse("a range stands alone, such as [1024:8192:1024]");
      list.push_back(is_exponent ? exponent_of(axis, part) : positive(axis, part));
    }
  }
  if (is_exponent) {
    for (std::int64_t& value : list) value = power_of_two(axis, value);
  }
  refuse_duplicates(axis, list);
  return list;
}

std::vector<Dtype> dtypes(const AxisText& axis) {
  std::vector<Dtype> list;
  for (const std::string& word : words(axis)) list.push_back(parse_dtype(word, axis.source + " " + axis.whole));
  refuse_duplicates(axis, list);
  return list;
}

std::vector<bool> booleans(const AxisText& axis) {
  std::vector<bool> list;
  for (const std::string& word : words(axis)) {
    if (word != "true" && word != "false") axis.refuse("\"" + word + "\" is neither true nor false");
    list.push_back(word == "true");
  }
  refuse_duplicates(axis, list);
  return list;
}

/// One value a word, each read by `read(word)`.
template <typename Read>
auto values(const AxisText& axis, Read read) {
  std::vector<decltype(read(std::string()))> list;
  for (const std::string& word : words(axis)) list.push_back(read(word));
  refuse_duplicates(axis, list);
  return list;
}

/// The axes whose values are written by rules of their own. Whether this was one of them.
bool apply_function_axis(Workload& workload, const AxisText& axis) {
  const std::string field = axis.source + " " + axis.whole;
  if (axis.name == "kv_heads") {
    workload.kv_heads = values(axis, [&](const std::string& word) { return at_least(0, axis, word); });
  } else if (axis.name == "window") {
    workload.window = values(axis, [&](const std::string& word) { return parse_window(word, field); });
  } else if (axis.name == "documents") {
    workload.documents = values(axis, [&](const std::string& word) { return parse_documents(word, field); });
  } else if (axis.name == "mask") {
    workload.mask = values(axis, [&](const std::string& word) { return parse_mask(word, field); });
  } else {
    return false;
  }
  return true;
}

}  // namespace

const std::vector<std::string>& mask_names() {
  static const std::vector<std::string> list{"none", "padding", "random", "alibi", "inputs"};
  return list;
}

std::string parse_mask(std::string_view text, const std::string& field) {
  const std::vector<std::string>& known = mask_names();
  const bool is_a_word = text.find(',') == std::string_view::npos && text.find_first_of(" \t[") != 0;
  if (!is_utf8(text) || !is_a_word)
    throw UsageError(field +
                     ": the name of a mask's file must be UTF-8 without commas, and begin with neither a space nor [");
  if (text.ends_with(".safetensors") || std::find(known.begin(), known.end(), text) != known.end())
    return std::string(text);
  throw UsageError(field + ": unknown mask \"" + std::string(text) + "\"" + did_you_mean(text, known) +
                   "; a file's name ends in .safetensors");
}

const std::vector<AxisInfo>& workload_axes() {
  static const std::vector<AxisInfo> list{
      {"batch", "positive integers", "sequences in a batch"},
      {"seq_len", "positive integers", "sequence length n, over all ranks"},
      {"heads", "positive integers", "query heads"},
      {"head_dim", "positive integers", "numbers a head"},
      {"dtype", "fp32, bf16, fp16, fp64", "type of query, key and value"},
      {"is_causal", "true, false", "a query sees no later key"},
      {"ranks", "positive integers", "world size k"},
      {"kv_heads", "0, positive integers", "key and value heads, a divisor of heads; 0: as many as heads"},
      {"window", "none, W, LEFT:RIGHT", "positions that a query sees to its left and right"},
      {"documents", "none, M, 0:…:N",
       "packed documents, or their cumulative lengths; a key is seen from its own alone"},
      {"mask", "none, padding, random, alibi, inputs, FILE.safetensors", "attention mask"},
  };
  return list;
}

std::string apply_axis(Workload& workload, std::string_view text, const std::string& source) {
  const AxisText axis = take_apart(text, source);
  const std::vector<std::string> numbers{"batch", "seq_len", "heads", "head_dim", "ranks"};
  const bool is_number_axis = std::find(numbers.begin(), numbers.end(), axis.name) != numbers.end();
  if (!is_number_axis && !axis.modifier.empty()) axis.refuse("[pow2] is for numbers");
  if (apply_function_axis(workload, axis)) return axis.name;
  if (axis.name == "dtype") workload.dtype = dtypes(axis);
  if (axis.name == "is_causal") workload.is_causal = booleans(axis);
  if (axis.name == "batch") workload.batch = integers(axis);
  if (axis.name == "seq_len") workload.seq_len = integers(axis);
  if (axis.name == "heads") workload.heads = integers(axis);
  if (axis.name == "head_dim") workload.head_dim = integers(axis);
  if (axis.name == "ranks") workload.ranks = integers(axis);
  return axis.name;
}

std::string axis_values(const Workload& workload, std::string_view axis) {
  const Json all = to_json(workload);
  const auto found = all.find(std::string(axis));
  if (found == all.end())
    throw UsageError("unknown axis \"" + std::string(axis) + "\"" + did_you_mean(axis, axis_names()));
  return found->dump();
}

}  // namespace ringattn
