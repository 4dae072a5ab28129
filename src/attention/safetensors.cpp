#include "attention/safetensors.h"

#include "attention/stored_tensors.h"
#include "config/error.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ringattn {
namespace {

struct DtypeName {
  std::string_view name;
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

at::ScalarType dtype_of(const StoredDtype& stored) {
  return std::find_if(dtype_names.begin(), dtype_names.end(),
                      [&](const DtypeName& each) { return stored.name == each.name; })
      ->dtype;
}

StoredDtype stored_dtype(const std::string& tensor, at::ScalarType dtype) {
  for (const DtypeName& each : dtype_names) {
    if (each.dtype == dtype) return {each.name, static_cast<std::int64_t>(c10::elementSize(dtype))};
  }
  throw UsageError("tensor '" + tensor + "': safetensors has no dtype " + at::toString(dtype));
}

/// Defined tensors, on the CPU and contiguous.
NamedTensors writable(const NamedTensors& tensors) {
  NamedTensors result;
  for (const auto& [name, tensor] : tensors) {
    if (tensor.defined()) result.emplace_back(name, tensor.detach().cpu().contiguous());
  }
  return result;
}

std::span<const std::byte> bytes_of(const at::Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()};
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
  void* start = size == 0 ? nullptr : ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  const int error = errno;
  ::close(descriptor);
  if (!regular) refuse("is not a regular file");
  if (start == MAP_FAILED) refuse(std::string("cannot be mapped: ") + std::strerror(error));
  mapped_ = {static_cast<const std::byte*>(start), size};
}

void SafetensorsFile::parse(std::span<const std::byte> bytes) {
  const StoredTensors stored = parse_stored_tensors(bytes, path_);
  for (const auto& [name, tensor] : stored.by_name)
    entries_.emplace(name, SafetensorsEntry{dtype_of(tensor.dtype), tensor.shape, tensor.data});
  metadata_ = stored.metadata;
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
  std::vector<std::pair<std::string, StoredTensor>> stored;
  for (const auto& [name, tensor] : list) {
    stored.emplace_back(name, StoredTensor{.dtype = stored_dtype(name, tensor.scalar_type()),
                                           .shape = tensor.sizes().vec(),
                                           .data = bytes_of(tensor)});
  }
  return encode_stored_tensors(stored, metadata);
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
