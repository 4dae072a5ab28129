#include "attention/stored_tensors.h"
#include "fuzz.h"

#include <algorithm>

namespace ringattn::fuzz {
namespace {

bool is_same(const StoredTensor& a, const StoredTensor& b) {
  return a.dtype.name == b.dtype.name && a.shape == b.shape && std::ranges::equal(a.data, b.data);
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

void examine(std::string_view text) {
  const auto file = value_or_refusal([&] { return parse_stored_tensors(bytes_of(text), "file"); }, "file: ");
  if (!file) return;
  std::size_t data_bytes = 0;
  for (const auto& [name, tensor] : file->by_name) data_bytes += tensor.data.size();
  require(data_bytes <= text.size(), "tensors lie in the file, each in a place of its own");

  const std::string written = encode_stored_tensors({file->by_name.begin(), file->by_name.end()}, file->metadata);
  const StoredTensors again = parse_stored_tensors(bytes_of(written), "written");
  require(again.metadata == file->metadata && again.by_name.size() == file->by_name.size(), "nothing is lost");
  for (const auto& [name, tensor] : file->by_name)
    require(is_same(again.by_name.at(name), tensor), "a tensor is written and read back");
}

const Fuzzer registered("safetensors", examine);

}  // namespace

}  // namespace ringattn::fuzz
