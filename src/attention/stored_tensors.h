#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringattn {

// The safetensors format (huggingface.co/docs/safetensors): 8 bytes little-endian length of the header; the header, a
// JSON object
//   {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, …, "__metadata__": {"key": "text"}}
// padded with spaces; then the data, row-major, little-endian, without holes. Offsets count from the first byte of
// data. Here as bytes alone; safetensors.h makes files and tensors of them.

/// A dtype of the format.
struct StoredDtype {
  std::string_view name;
  std::int64_t bytes = 0;  ///< of an element
};
constexpr std::array<StoredDtype, 15> stored_dtypes{{{"BOOL", 1},
                                                     {"U8", 1},
                                                     {"I8", 1},
                                                     {"F8_E5M2", 1},
                                                     {"F8_E4M3", 1},
                                                     {"I16", 2},
                                                     {"U16", 2},
                                                     {"F16", 2},
                                                     {"BF16", 2},
                                                     {"I32", 4},
                                                     {"U32", 4},
                                                     {"F32", 4},
                                                     {"F64", 8},
                                                     {"I64", 8},
                                                     {"U64", 8}}};

/// One tensor as it lies in a file; `data` need not be aligned.
struct StoredTensor {
  StoredDtype dtype{};
  std::vector<std::int64_t> shape{};
  std::span<const std::byte> data{};
};

struct StoredTensors {
  std::map<std::string, StoredTensor, std::less<>> by_name;
  std::map<std::string, std::string> metadata;
};

/// Checks everything before anything is used: sizes, offsets, overlaps, holes, dtypes, shape products, duplicate names.
/// Throws UsageError "<source>: <reason>" for whatever is not a valid file. The tensors' data lie in `bytes`.
StoredTensors parse_stored_tensors(std::span<const std::byte> bytes, const std::string& source);

/// The bytes of a file with these tensors, each aligned to its element size. The header keeps their order. Throws
/// UsageError on a repeated or reserved name.
std::string encode_stored_tensors(const std::vector<std::pair<std::string, StoredTensor>>& tensors,
                                  const std::map<std::string, std::string>& metadata);

}  // namespace ringattn
