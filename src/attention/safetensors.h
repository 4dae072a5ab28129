#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringattn {

// Files of the safetensors format, whose bytes stored_tensors.h explains, as tensors.

/// One tensor as it lies in the mapped file; `data` need not be aligned.
struct SafetensorsEntry {
  at::ScalarType dtype{};
  std::vector<std::int64_t> shape;
  std::span<const std::byte> data;
};

/// A safetensors file, mapped read-only. The constructor checks everything before anything is used: sizes, offsets,
/// overlaps, holes, dtypes, shape products, duplicate names. Throws UsageError "<file>: <reason>" for whatever is not a
/// valid file.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const std::string& path);
  ~SafetensorsFile();
  SafetensorsFile(const SafetensorsFile&) = delete;
  SafetensorsFile& operator=(const SafetensorsFile&) = delete;

  const std::string& path() const { return path_; }
  const std::map<std::string, SafetensorsEntry, std::less<>>& entries() const { return entries_; }
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  bool contains(std::string_view name) const { return entries_.find(name) != entries_.end(); }
  /// Throws UsageError that lists the names there are.
  const SafetensorsEntry& entry(std::string_view name) const;
  /// A copy of the tensor, on the CPU.
  at::Tensor tensor(std::string_view name) const;

 private:
  void map_file();
  void parse(std::span<const std::byte> bytes);
  [[noreturn]] void refuse(const std::string& reason) const;

  std::string path_;
  std::span<const std::byte> mapped_;
  std::map<std::string, SafetensorsEntry, std::less<>> entries_;
  std::map<std::string, std::string> metadata_;
};

using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

/// The bytes of a file with these tensors, each aligned to its element size; undefined tensors are left out. The header
/// keeps their order. Throws UsageError on a repeated or reserved name, or a dtype that the format doesn't know.
std::string encode_safetensors(const NamedTensors& tensors, const std::map<std::string, std::string>& metadata = {});

/// Writes the file beside `path` and renames it, so that `path` is either the old file or the complete new one. Throws
/// UsageError.
void write_safetensors(const std::string& path, const NamedTensors& tensors,
                       const std::map<std::string, std::string>& metadata = {});

/// "(2, 3)".
std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace ringattn
