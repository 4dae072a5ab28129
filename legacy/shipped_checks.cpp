#include "legacy/raises.h"
#include "legacy/shipped.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>

namespace ringattn::legacy {

void require_divisible(const FullInputs& inputs, const std::vector<Pair>& pairs) {
  const auto groups = static_cast<std::int64_t>(pairs.size());
  if (inputs.heads() < groups) {
    throw LegacyRaises("ValueError", "num_heads (" + std::to_string(inputs.heads()) + ") must be >= num_groups (" +
                                         std::to_string(groups) + ")");
  }
  std::int64_t longest = 0;
  for (const Pair& pair : pairs) longest = std::max(longest, pair.segment_length);
  const std::int64_t n = inputs.seq_len();
  if (n % longest == 0) return;
  throw LegacyRaises("ValueError", "Sequence length (" + std::to_string(n) +
                                       ") must be divisible by the largest segment length (" + std::to_string(longest) +
                                       "). Consider padding sequence to " +
                                       std::to_string((n / longest + 1) * longest));
}

void require_whole_segments(const FullInputs& inputs, const HeadGroup& group, std::int64_t segment_length) {
  const std::int64_t n = inputs.seq_len();
  if (n % segment_length == 0) return;
  const std::int64_t batch = inputs.query.size(0);
  const std::int64_t dim = inputs.query.size(3);
  throw LegacyRaises("RuntimeError", "shape '[" + std::to_string(batch) + ", " + std::to_string(n / segment_length) +
                                         ", " + std::to_string(segment_length) + ", " + std::to_string(group.count) +
                                         ", " + std::to_string(dim) + "]' is invalid for input of size " +
                                         std::to_string(batch * n * group.count * dim));
}

void require_range(std::int64_t offset, std::int64_t length) {
  if (offset > length) throw LegacyRaises("RuntimeError", "upper bound and lower bound inconsistent with step sign");
}

at::Tensor cyclic_index(std::int64_t offset, std::int64_t length, std::int64_t r, at::Device device) {
  const at::Tensor slots = at::arange(length, at::TensorOptions(at::kLong).device(device));
  const std::int64_t distinct = (length - offset + r - 1) / r;
  return slots.remainder(distinct).mul_(r).add_(offset);
}

}  // namespace ringattn::legacy
