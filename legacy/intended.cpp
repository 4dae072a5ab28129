#include "legacy/intended.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace ringattn::legacy {
namespace {

/// Rows first, first + step, … below end, of the group's heads: a view.
at::Tensor rows_of(const at::Tensor& tensor, const HeadGroup& group, std::int64_t first, std::int64_t end,
                   std::int64_t step) {
  return tensor.narrow(2, group.first, group.count).slice(1, std::min(first, end), end, step);
}

}  // namespace

at::Tensor dilated_rows(const FullInputs& inputs, const std::vector<Pair>& pairs, bool is_causal) {
  const std::int64_t n = inputs.seq_len();
  const auto groups = groups_first_larger(inputs.heads(), pairs.size());
  at::Tensor out = at::zeros_like(inputs.query);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const std::int64_t w = std::min(pairs[i].segment_length, n);
    const std::int64_t r = pairs[i].dilation_rate;
    const std::int64_t offset = static_cast<std::int64_t>(i) % r;
    for (std::int64_t start = 0; start < n; start += w) {
      const auto take = [&](const at::Tensor& tensor) {
        return rows_of(tensor, groups[i], start + offset, std::min(start + w, n), r);
      };
      const at::Tensor query = take(inputs.query);
      if (query.numel() == 0) continue;
      const std::int64_t rows = query.size(1);
      const at::Tensor visible = is_causal ? triangle(rows, rows, 0, query.device()) : at::Tensor();
      take(out).copy_(attend(query, take(inputs.key), take(inputs.value), visible));
    }
  }
  return out.div_(static_cast<double>(pairs.size()));
}

at::Tensor dilated_keys(const FullInputs& inputs, const std::vector<Pair>& pairs, bool is_causal) {
  const std::int64_t n = inputs.seq_len();
  const auto groups = groups_last_larger(inputs.heads(), pairs.size());
  at::Tensor out = at::zeros_like(inputs.query);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const std::int64_t w = std::min(pairs[i].segment_length, n);
    for (std::int64_t start = 0; start < n; start += w) {
      const std::int64_t end = std::min(start + w, n);
      const std::int64_t r = end - start == w ? pairs[i].dilation_rate : 1;
      const std::int64_t offset = static_cast<std::int64_t>(i) % r;
      const at::Tensor query = rows_of(inputs.query, groups[i], start, end, 1);
      const at::Tensor key = rows_of(inputs.key, groups[i], start + offset, end, r);
      if (query.numel() == 0 || key.numel() == 0) continue;
      const at::Tensor positions = at::arange(start, end, at::TensorOptions(at::kLong).device(query.device()));
      const at::Tensor visible =
          is_causal ? positions.slice(0, offset, end - start, r).unsqueeze(0) <= positions.unsqueeze(1) : at::Tensor();
      const at::Tensor value = rows_of(inputs.value, groups[i], start + offset, end, r);
      rows_of(out, groups[i], start, end, 1).copy_(attend(query, key, value, visible));
    }
  }
  return out;
}

}  // namespace ringattn::legacy
