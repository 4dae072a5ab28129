#include "legacy/raises.h"
#include "legacy/shipped.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace ringattn::legacy {
namespace {

FullInputs narrow_rows(const FullInputs& inputs, std::int64_t first, std::int64_t rows) {
  return {inputs.query.narrow(1, first, rows), inputs.key.narrow(1, first, rows), inputs.value.narrow(1, first, rows)};
}

FullInputs narrow_heads(const FullInputs& inputs, const HeadGroup& group) {
  const auto take = [&](const at::Tensor& tensor) { return tensor.narrow(2, group.first, group.count); };
  return {take(inputs.query), take(inputs.key), take(inputs.value)};
}

/// One segment: row a sees key slots 0 … a, or all; `slots` says which row a key slot holds, undefined: its own.
at::Tensor attend_slots(const FullInputs& segment, const at::Tensor& slots, bool is_causal) {
  const std::int64_t rows = segment.seq_len();
  const at::Tensor visible = is_causal ? triangle(rows, rows, 0, segment.query.device()) : at::Tensor();
  if (!slots.defined()) return attend(segment.query, segment.key, segment.value, visible);
  return attend(segment.query, segment.key.index_select(1, slots), segment.value.index_select(1, slots), visible);
}

/// The class's "single" mode on a sequence, or on a chunk of one.
at::Tensor single(const FullInputs& inputs, const std::vector<Pair>& pairs, bool is_causal) {
  const std::int64_t n = inputs.seq_len();
  const auto groups = groups_last_larger(inputs.heads(), pairs.size());
  at::Tensor out = at::zeros_like(inputs.query);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    if (groups[i].count == 0) continue;
    const std::int64_t w = std::min(pairs[i].segment_length, n);
    const std::int64_t r = pairs[i].dilation_rate;
    const std::int64_t offset = static_cast<std::int64_t>(i) % r;
    require_range(offset, w);
    if (offset == w) throw LegacyRaises("ZeroDivisionError", "integer division or modulo by zero");
    const at::Tensor slots = r > 1 ? cyclic_index(offset, w, r, inputs.query.device()) : at::Tensor();
    const FullInputs heads = narrow_heads(inputs, groups[i]);
    for (std::int64_t start = 0; start < n; start += w) {
      const std::int64_t rows = std::min(w, n - start);
      const at::Tensor result =
          attend_slots(narrow_rows(heads, start, rows), rows == w ? slots : at::Tensor(), is_causal);
      out.narrow(1, start, rows).narrow(2, groups[i].first, groups[i].count).copy_(result);
    }
  }
  return out;
}

}  // namespace

at::Tensor shipped_v2(Communicator& communicator, const FullInputs& inputs, const ShippedArguments& arguments) {
  if (communicator.world_size() > 1) {
    throw LegacyRaises("AttributeError", "module 'torch.distributed' has no attribute 'sendrecv'");
  }
  const std::int64_t ring = arguments.ring_size.value_or(1);
  if (ring == 1) return single(inputs, arguments.pairs, arguments.is_causal);
  const std::int64_t chunk = inputs.seq_len() / ring;  // rows beyond ring · chunk stay 0
  at::Tensor out = at::zeros_like(inputs.query);
  for (std::int64_t c = 0; chunk > 0 && c < ring; ++c) {
    const FullInputs part = narrow_rows(inputs, c * chunk, chunk);
    out.narrow(1, c * chunk, chunk).copy_(single(part, arguments.pairs, arguments.is_causal));
  }
  return out;
}

}  // namespace ringattn::legacy
