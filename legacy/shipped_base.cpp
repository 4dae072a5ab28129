#include "legacy/shipped.h"

#include <ATen/ATen.h>

namespace ringattn::legacy {

at::Tensor shipped_base(Communicator&, const FullInputs& inputs, const ShippedArguments& arguments) {
  require_divisible(inputs, arguments.pairs);
  const std::int64_t n = inputs.seq_len();
  const auto groups = groups_first_larger(inputs.heads(), arguments.pairs.size());
  at::Tensor out = at::zeros_like(inputs.query);
  for (std::size_t i = 0; i < arguments.pairs.size(); ++i) {
    const auto [w, r] = arguments.pairs[i];
    const std::int64_t offset = static_cast<std::int64_t>(i) % r;
    require_whole_segments(inputs, groups[i], w);
    require_range(offset, w);
    if (offset == w) continue;  // an empty index set: the group stays 0
    for (std::int64_t start = 0; start < n; start += w) {
      const auto take = [&, first = start + offset, end = start + w, step = r](const at::Tensor& tensor) {
        return tensor.narrow(2, groups[i].first, groups[i].count).slice(1, first, end, step);
      };
      const at::Tensor query = take(inputs.query);
      const at::Tensor visible =
          arguments.is_causal ? triangle(query.size(1), query.size(1), 0, query.device()) : at::Tensor();
      take(out).copy_(attend(query, take(inputs.key), take(inputs.value), visible));
    }
  }
  return out.div_(static_cast<double>(arguments.pairs.size()));
}

}  // namespace ringattn::legacy
