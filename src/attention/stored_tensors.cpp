#include "attention/stored_tensors.h"

#include "config/error.h"
#include "config/json.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>
#include <set>

namespace ringattn {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the format is little-endian, and so is every machine we run on");

constexpr std::size_t length_bytes = 8;
constexpr std::size_t dimensions_max = 64;
constexpr const char* metadata_key = "__metadata__";

[[noreturn]] void refuse(const std::string& source, const std::string& reason) {
  throw UsageError(source + ": " + reason);
}

StoredDtype parse_dtype(const JsonValue& value) {
  std::vector<std::string> known;
  for (const StoredDtype& each : stored_dtypes) known.emplace_back(each.name);
  const std::string word = value.word(known);
  return *std::find_if(stored_dtypes.begin(), stored_dtypes.end(),
                       [&](const StoredDtype& each) { return word == each.name; });
}

/// A list of integers >= 0, possibly empty.
std::vector<std::int64_t> parse_sizes(const JsonValue& value) {
  std::vector<std::int64_t> sizes;
  if (value.is_array() && value.raw().empty()) return sizes;
  for (const JsonValue& each : value.elements()) sizes.push_back(each.integer(0));
  return sizes;
}

/// Bytes of a tensor. A dimension of 0 counts as 1 until the end: strides of the others must fit, too.
std::int64_t parse_bytes(const JsonValue& value, const std::vector<std::int64_t>& shape, std::int64_t bytes) {
  if (shape.size() > dimensions_max)
    value.refuse("must have at most " + std::to_string(dimensions_max) + " dimensions");
  for (const std::int64_t size : shape) {
    if (__builtin_mul_overflow(bytes, std::max<std::int64_t>(size, 1), &bytes)) {
      value.refuse("the product of the sizes must be below 2^63 bytes");
    }
  }
  return std::find(shape.begin(), shape.end(), 0) == shape.end() ? bytes : 0;
}

StoredTensor parse_tensor(const JsonValue& value, std::span<const std::byte> data) {
  value.allow_only({"dtype", "shape", "data_offsets"});
  StoredTensor tensor;
  tensor.dtype = parse_dtype(value.require("dtype"));
  const JsonValue shape = value.require("shape");
  tensor.shape = parse_sizes(shape);
  const std::int64_t bytes = parse_bytes(shape, tensor.shape, tensor.dtype.bytes);

  const JsonValue range = value.require("data_offsets");
  const std::vector<std::int64_t> offsets = parse_sizes(range);
  const auto available = static_cast<std::int64_t>(data.size());
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > available) {
    range.refuse("must be [begin, end], begin <= end <= " + std::to_string(available));
  }
  if (offsets[1] - offsets[0] != bytes) range.refuse("must enclose the tensor's " + std::to_string(bytes) + " bytes");
  tensor.data = data.subspan(static_cast<std::size_t>(offsets[0]), static_cast<std::size_t>(bytes));
  return tensor;
}

void append(std::string& out, std::uint64_t number) {
  for (std::size_t i = 0; i < length_bytes; ++i) out += static_cast<char>(number >> (8 * i) & 0xFF);
}

std::uint64_t read_length(std::span<const std::byte> bytes) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), length_bytes);
  return number;
}

/// In the order of their offsets, tensors must follow each other from the first byte of data to the last.
void check_tiling(const StoredTensors& tensors, std::span<const std::byte> data, const std::string& source) {
  std::vector<const decltype(tensors.by_name)::value_type*> order;
  for (const auto& each : tensors.by_name) order.push_back(&each);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.data.data(), a->second.data.size()) <
           std::pair(b->second.data.data(), b->second.data.size());
  });
  const std::byte* end = data.data();
  for (const auto* each : order) {
    const std::byte* begin = each->second.data.data();
    if (begin < end) refuse(source, "tensor '" + each->first + "' overlaps another one");
    if (begin > end)
      refuse(source, "a hole of " + std::to_string(begin - end) + " bytes before tensor '" + each->first + "'");
    end = begin + each->second.data.size();
  }
  const auto trailing = data.data() + data.size() - end;
  if (trailing > 0) refuse(source, std::to_string(trailing) + " bytes after the last tensor");
}

void check_names(const std::vector<std::pair<std::string, StoredTensor>>& tensors) {
  std::set<std::string> names{metadata_key};
  for (const auto& [name, unused] : tensors) {
    if (!names.insert(name).second) throw UsageError("tensor '" + name + "': the name is taken");
  }
}

}  // namespace

StoredTensors parse_stored_tensors(std::span<const std::byte> bytes, const std::string& source) {
  if (bytes.size() < length_bytes)
    refuse(source, "not a safetensors file: " + std::to_string(bytes.size()) + " bytes, the header's length needs 8");
  const std::uint64_t header_bytes = read_length(bytes);
  const std::size_t rest = bytes.size() - length_bytes;
  if (header_bytes > rest) {
    refuse(source, "not a safetensors file: a header of " + std::to_string(header_bytes) + " bytes is announced, " +
                       std::to_string(rest) + " follow");
  }
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + length_bytes, header_bytes);
  if (!header.starts_with('{')) refuse(source, "not a safetensors file: the header must begin with '{'");
  const auto data = bytes.subspan(length_bytes + header_bytes);
  const Json json = parse_json_strict(header, source);
  StoredTensors tensors;
  for (const auto& item : json.items()) {
    const JsonValue value(item.value(), source, "/" + item.key());
    if (item.key() != metadata_key) {
      tensors.by_name.emplace(item.key(), parse_tensor(value, data));
      continue;
    }
    if (!value.is_object()) value.refuse("must be an object");
    for (const auto& pair : item.value().items()) {
      tensors.metadata[pair.key()] = JsonValue(pair.value(), source, value.pointer() + "/" + pair.key()).string();
    }
  }
  check_tiling(tensors, data, source);
  return tensors;
}

std::string encode_stored_tensors(const std::vector<std::pair<std::string, StoredTensor>>& tensors,
                                  const std::map<std::string, std::string>& metadata) {
  check_names(tensors);
  // Widest elements first: with the header padded to 8 bytes every tensor is then aligned to its elements.
  std::vector<std::size_t> order(tensors.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return tensors[a].second.dtype.bytes > tensors[b].second.dtype.bytes;
  });
  std::vector<std::size_t> begin(tensors.size());
  std::size_t data_bytes = 0;
  for (const std::size_t i : order) {
    begin[i] = data_bytes;
    data_bytes += tensors[i].second.data.size();
  }

  Json header = Json::object();
  if (!metadata.empty()) header[metadata_key] = metadata;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, tensor] = tensors[i];
    header[name] = {{"dtype", tensor.dtype.name},
                    {"shape", tensor.shape},
                    {"data_offsets", {begin[i], begin[i] + tensor.data.size()}}};
  }
  std::string text = header.dump();
  text.resize((text.size() + length_bytes - 1) / length_bytes * length_bytes, ' ');

  std::string bytes;
  bytes.reserve(length_bytes + text.size() + data_bytes);
  append(bytes, text.size());
  bytes += text;
  for (const std::size_t i : order) {
    const std::span<const std::byte> data = tensors[i].second.data;
    if (!data.empty()) bytes.append(reinterpret_cast<const char*>(data.data()), data.size());
  }
  return bytes;
}

}  // namespace ringattn
