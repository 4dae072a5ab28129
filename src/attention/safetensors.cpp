#include "attention/safetensors.h"

#include "config/error.h"
#include "config/json.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <numeric>
#include <set>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ringattn {
namespace {

static_assert(std::endian::native == std::endian::little,
              "the format is little-endian, and so is every machine we run on");

constexpr std::size_t length_bytes = 8;
constexpr std::size_t dimensions_max = 64;
constexpr const char* metadata_key = "__metadata__";

struct DtypeName {
  const char* name;
  at::ScalarType dtype;
};
constexpr std::array<DtypeName, 15> dtype_names{{{"BOOL", at::kBool},
                                                 {"U8", at::kByte},
                                                 {"I8", at::kChar},
                                                 {"F8_E5M2", at::kFloat8_e5m2},
                                                 {"F8_E4M3", at::kFloat8_e4m3fn},
                                                 {"I16", at::kShort},
                                                 {"U16", at::kUInt16},
                                                 {"F16", at::kHalf},
                                                 {"BF16", at::kBFloat16},
                                                 {"I32", at::kInt},
                                                 {"U32", at::kUInt32},
                                                 {"F32", at::kFloat},
                                                 {"F64", at::kDouble},
                                                 {"I64", at::kLong},
                                                 {"U64", at::kUInt64}}};

at::ScalarType parse_dtype(const JsonValue& value) {
  std::vector<std::string> known;
  for (const DtypeName& each : dtype_names) known.emplace_back(each.name);
  const std::string word = value.word(known);
  return std::find_if(dtype_names.begin(), dtype_names.end(), [&](const DtypeName& each) { return word == each.name; })
      ->dtype;
}

std::string dtype_text(const std::string& tensor, at::ScalarType dtype) {
  for (const DtypeName& each : dtype_names) {
    if (each.dtype == dtype) return each.name;
  }
  throw UsageError("tensor '" + tensor + "': safetensors has no dtype " + at::toString(dtype));
}

/// A list of integers >= 0, possibly empty.
std::vector<std::int64_t> parse_sizes(const JsonValue& value) {
  std::vector<std::int64_t> sizes;
  if (value.is_array() && value.raw().empty()) return sizes;
  for (const JsonValue& each : value.elements()) sizes.push_back(each.integer(0));
  return sizes;
}

/// Bytes of a tensor. A dimension of 0 counts as 1 until the end: strides of the others must fit, too.
std::int64_t parse_bytes(const JsonValue& value, const std::vector<std::int64_t>& shape, at::ScalarType dtype) {
  if (shape.size() > dimensions_max)
    value.refuse("must have at most " + std::to_string(dimensions_max) + " dimensions");
  auto bytes = static_cast<std::int64_t>(c10::elementSize(dtype));
  for (const std::int64_t size : shape) {
    if (__builtin_mul_overflow(bytes, std::max<std::int64_t>(size, 1), &bytes)) {
      value.refuse("the product of the sizes must be below 2^63 bytes");
    }
  }
  return std::find(shape.begin(), shape.end(), 0) == shape.end() ? bytes : 0;
}

SafetensorsEntry parse_entry(const JsonValue& value, std::span<const std::byte> data) {
  value.allow_only({"dtype", "shape", "data_offsets"});
  SafetensorsEntry entry;
  entry.dtype = parse_dtype(value.require("dtype"));
  const JsonValue shape = value.require("shape");
  entry.shape = parse_sizes(shape);
  const std::int64_t bytes = parse_bytes(shape, entry.shape, entry.dtype);

  const JsonValue range = value.require("data_offsets");
  const std::vector<std::int64_t> offsets = parse_sizes(range);
  const auto available = static_cast<std::int64_t>(data.size());
  if (offsets.size() != 2 || offsets[0] > offsets[1] || offsets[1] > available) {
    range.refuse("must be [begin, end], begin <= end <= " + std::to_string(available));
  }
  if (offsets[1] - offsets[0] != bytes) range.refuse("must enclose the tensor's " + std::to_string(bytes) + " bytes");
  entry.data = data.subspan(static_cast<std::size_t>(offsets[0]), static_cast<std::size_t>(bytes));
  return entry;
}

void append(std::string& out, std::uint64_t number) {
  for (std::size_t i = 0; i < length_bytes; ++i) out += static_cast<char>(number >> (8 * i) & 0xFF);
}

std::uint64_t read_length(std::span<const std::byte> bytes) {
  std::uint64_t number = 0;
  std::memcpy(&number, bytes.data(), length_bytes);
  return number;
}

/// Defined tensors, on the CPU and contiguous; their names checked.
NamedTensors writable(const NamedTensors& tensors) {
  NamedTensors result;
  std::set<std::string> names{metadata_key};
  for (const auto& [name, tensor] : tensors) {
    if (!tensor.defined()) continue;
    if (!names.insert(name).second) throw UsageError("tensor '" + name + "': the name is taken");
    result.emplace_back(name, tensor.detach().cpu().contiguous());
  }
  return result;
}

}  // namespace

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + ")";
}

SafetensorsFile::SafetensorsFile(const std::string& path) : path_(path) {
  map_file();
  try {
    parse(mapped_);
  } catch (...) {
    ::munmap(const_cast<std::byte*>(mapped_.data()), mapped_.size());
    throw;
  }
}

SafetensorsFile::~SafetensorsFile() { ::munmap(const_cast<std::byte*>(mapped_.data()), mapped_.size()); }

void SafetensorsFile::refuse(const std::string& reason) const { throw UsageError(path_ + ": " + reason); }

void SafetensorsFile::map_file() {
  const int descriptor = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor < 0) refuse(std::string("cannot be opened: ") + std::strerror(errno));
  struct stat status {};
  const bool regular = ::fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  const auto size = regular ? static_cast<std::size_t>(status.st_size) : 0;
  void* start = size < length_bytes ? MAP_FAILED : ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  const int error = errno;
  ::close(descriptor);
  if (!regular) refuse("is not a regular file");
  if (size < length_bytes)
    refuse("not a safetensors file: " + std::to_string(size) + " bytes, the header's length needs 8");
  if (start == MAP_FAILED) refuse(std::string("cannot be mapped: ") + std::strerror(error));
  mapped_ = {static_cast<const std::byte*>(start), size};
}

void SafetensorsFile::parse(std::span<const std::byte> bytes) {
  const std::uint64_t header_bytes = read_length(bytes);
  const std::size_t rest = bytes.size() - length_bytes;
  if (header_bytes > rest) {
    refuse("not a safetensors file: a header of " + std::to_string(header_bytes) + " bytes is announced, " +
           std::to_string(rest) + " follow");
  }
  const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + length_bytes, header_bytes);
  if (!header.starts_with('{')) refuse("not a safetensors file: the header must begin with '{'");
  const auto data = bytes.subspan(length_bytes + header_bytes);
  const Json json = parse_json_strict(header, path_);
  for (const auto& item : json.items()) {
    const JsonValue value(item.value(), path_, "/" + item.key());
    if (item.key() != metadata_key) {
      entries_.emplace(item.key(), parse_entry(value, data));
      continue;
    }
    if (!value.is_object()) value.refuse("must be an object");
    for (const auto& pair : item.value().items()) {
      metadata_[pair.key()] = JsonValue(pair.value(), path_, value.pointer() + "/" + pair.key()).string();
    }
  }
  check_tiling(data);
}

/// In the order of their offsets, tensors must follow each other from the first byte of data to the last.
void SafetensorsFile::check_tiling(std::span<const std::byte> data) const {
  std::vector<const decltype(entries_)::value_type*> order;
  for (const auto& each : entries_) order.push_back(&each);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::pair(a->second.data.data(), a->second.data.size()) <
           std::pair(b->second.data.data(), b->second.data.size());
  });
  const std::byte* end = data.data();
  for (const auto* each : order) {
    const std::byte* begin = each->second.data.data();
    if (begin < end) refuse("tensor '" + each->first + "' overlaps another one");
    if (begin > end) refuse("a hole of " + std::to_string(begin - end) + " bytes before tensor '" + each->first + "'");
    end = begin + each->second.data.size();
  }
  const auto trailing = data.data() + data.size() - end;
  if (trailing > 0) refuse(std::to_string(trailing) + " bytes after the last tensor");
}

const SafetensorsEntry& SafetensorsFile::entry(std::string_view name) const {
  const auto found = entries_.find(name);
  if (found != entries_.end()) return found->second;
  std::string names;
  for (const auto& each : entries_) names += (names.empty() ? "" : ", ") + each.first;
  refuse("no tensor '" + std::string(name) + "'; the file has " + (names.empty() ? "none" : names));
}

at::Tensor SafetensorsFile::tensor(std::string_view name) const {
  const SafetensorsEntry& source = entry(name);
  at::Tensor copy = at::empty(source.shape, source.dtype);
  if (!source.data.empty()) std::memcpy(copy.data_ptr(), source.data.data(), source.data.size());
  return copy;
}

std::string encode_safetensors(const NamedTensors& tensors, const std::map<std::string, std::string>& metadata) {
  const NamedTensors list = writable(tensors);
  // Widest elements first: with the header padded to 8 bytes every tensor is then aligned to its elements.
  std::vector<std::size_t> order(list.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return list[a].second.element_size() > list[b].second.element_size();
  });
  std::vector<std::size_t> begin(list.size());
  std::size_t data_bytes = 0;
  for (const std::size_t i : order) {
    begin[i] = data_bytes;
    data_bytes += list[i].second.nbytes();
  }

  Json header = Json::object();
  if (!metadata.empty()) header[metadata_key] = metadata;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto& [name, tensor] = list[i];
    header[name] = {{"dtype", dtype_text(name, tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {begin[i], begin[i] + tensor.nbytes()}}};
  }
  std::string text = header.dump();
  text.resize((text.size() + length_bytes - 1) / length_bytes * length_bytes, ' ');

  std::string bytes;
  bytes.reserve(length_bytes + text.size() + data_bytes);
  append(bytes, text.size());
  bytes += text;
  for (const std::size_t i : order) {
    const at::Tensor& tensor = list[i].second;
    if (tensor.nbytes() > 0) bytes.append(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
  }
  return bytes;
}

void write_safetensors(const std::string& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata) {
  const std::string bytes = encode_safetensors(tensors, metadata);
  const std::string unfinished = path + ".unfinished";
  {
    std::ofstream out(unfinished, std::ios::binary | std::ios::trunc);
    if (!out) throw UsageError(path + ": cannot be written: " + std::strerror(errno));
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    out.close();
    if (!out) {
      std::remove(unfinished.c_str());
      throw UsageError(path + ": cannot be written: " + std::strerror(errno));
    }
  }
  if (std::rename(unfinished.c_str(), path.c_str()) == 0) return;
  const std::string reason = std::strerror(errno);
  std::remove(unfinished.c_str());
  throw UsageError(path + ": cannot be written: " + reason);
}

}  // namespace ringattn
