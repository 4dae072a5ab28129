#include "measure/rank_results.h"

#include "comm/process_group.h"
#include "config/error.h"

#include <ATen/ATen.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace ringattn {
namespace {

constexpr std::size_t kDimsMax = 4;

/// What stands before a tensor's bytes. Undefined tensors have no dimensions.
struct TensorHead {
  std::int64_t type = 0;
  std::int64_t dims = -1;
  std::array<std::int64_t, kDimsMax> sizes{};
};

void append(std::vector<std::byte>& bytes, const void* data, std::size_t count) {
  if (count == 0) return;
  const std::size_t before = bytes.size();
  bytes.resize(before + count);
  std::memcpy(bytes.data() + before, data, count);
}

void append(std::vector<std::byte>& bytes, const at::Tensor& tensor) {
  TensorHead head;
  if (!tensor.defined()) return append(bytes, &head, sizeof(head));
  head = {.type = static_cast<std::int64_t>(tensor.scalar_type()), .dims = tensor.dim(), .sizes = {}};
  TORCH_INTERNAL_ASSERT(static_cast<std::size_t>(tensor.dim()) <= kDimsMax);
  for (std::int64_t i = 0; i < tensor.dim(); ++i) head.sizes[static_cast<std::size_t>(i)] = tensor.size(i);
  append(bytes, &head, sizeof(head));
  const at::Tensor whole = tensor.contiguous();
  append(bytes, whole.const_data_ptr(), whole.nbytes());
}

/// Reads tensors one after another.
class TensorBytes {
 public:
  explicit TensorBytes(std::span<const std::byte> bytes) : left_(bytes) {}

  at::Tensor next() {
    TensorHead head;
    take(&head, sizeof(head));
    if (head.dims < 0) return {};
    const at::IntArrayRef sizes(head.sizes.data(), static_cast<std::size_t>(head.dims));
    at::Tensor tensor = at::empty(sizes, at::TensorOptions().dtype(static_cast<at::ScalarType>(head.type)));
    take(tensor.mutable_data_ptr(), tensor.nbytes());
    return tensor;
  }

 private:
  void take(void* to, std::size_t count) {
    if (count > left_.size()) throw RuntimeFailure("rank 0: a rank's results end too early");
    if (count > 0) std::memcpy(to, left_.data(), count);
    left_ = left_.subspan(count);
  }

  std::span<const std::byte> left_;
};

}  // namespace

void gather_results(World& world, std::vector<Partial>& results, std::vector<Gradients>& gradients) {
  ProcessGroup* group = world.processes();
  if (group == nullptr) return;
  const auto rank = static_cast<std::size_t>(group->rank());
  std::vector<std::byte> own;
  if (rank < results.size()) {
    append(own, results[rank].out);
    append(own, results[rank].lse);
    if (!gradients.empty()) {
      for (const at::Tensor* tensor : {&gradients[rank].query, &gradients[rank].key, &gradients[rank].value})
        append(own, *tensor);
    }
  }
  const std::vector<std::vector<std::byte>> all = group->gather(world.size(), own);
  for (std::size_t i = 1; i < all.size(); ++i) {
    TensorBytes bytes(all[i]);
    results[i].out = bytes.next();
    results[i].lse = bytes.next();
    if (gradients.empty()) continue;
    gradients[i].query = bytes.next();
    gradients[i].key = bytes.next();
    gradients[i].value = bytes.next();
  }
}

}  // namespace ringattn
