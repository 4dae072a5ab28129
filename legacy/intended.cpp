#include "legacy/intended.h"

#include "legacy/visibility.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace ringattn::legacy {
namespace {

/// These rows of the group's heads: a view.
at::Tensor rows_of(const at::Tensor& tensor, const HeadGroup& group, const RowRange& rows) {
  return tensor.narrow(2, group.first, group.count).slice(1, rows.first, rows.end, rows.step);
}

/// The group's queries attend the keys; their rows of `out` are set. Nothing happens where there is neither.
void attend_rows(const FullInputs& inputs, const IntendedArguments& arguments, const HeadGroup& group,
                 const RowRange& queries, const RowRange& keys, at::Tensor& out) {
  if (group.count == 0 || queries.first >= queries.end || keys.first >= keys.end) return;
  rows_of(out, group, queries)
      .copy_(attend(rows_of(inputs.query, group, queries), rows_of(inputs.key, group, keys),
                    rows_of(inputs.value, group, keys), attend_options(inputs, arguments, group, queries, keys)));
}

}  // namespace

at::Tensor dilated_rows(const FullInputs& inputs, const IntendedArguments& arguments) {
  const std::int64_t n = inputs.seq_len();
  const std::vector<Pair>& pairs = arguments.pairs;
  const auto groups = groups_first_larger(inputs.heads(), pairs.size());
  at::Tensor out = at::zeros_like(inputs.query);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const std::int64_t w = std::min(pairs[i].segment_length, n);
    const std::int64_t r = pairs[i].dilation_rate;
    const std::int64_t offset = static_cast<std::int64_t>(i) % r;
    for (std::int64_t start = 0; start < n; start += w) {
      const RowRange rows{start + offset, std::min(start + w, n), r};
      attend_rows(inputs, arguments, groups[i], rows, rows, out);
    }
  }
  return out.div_(static_cast<double>(pairs.size()));
}

at::Tensor dilated_keys(const FullInputs& inputs, const IntendedArguments& arguments) {
  const std::int64_t n = inputs.seq_len();
  const std::vector<Pair>& pairs = arguments.pairs;
  const auto groups = groups_last_larger(inputs.heads(), pairs.size());
  at::Tensor out = at::zeros_like(inputs.query);
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const std::int64_t w = std::min(pairs[i].segment_length, n);
    for (std::int64_t start = 0; start < n; start += w) {
      const std::int64_t end = std::min(start + w, n);
      const std::int64_t r = end - start == w ? pairs[i].dilation_rate : 1;
      const std::int64_t offset = static_cast<std::int64_t>(i) % r;
      attend_rows(inputs, arguments, groups[i], {start, end, 1}, {start + offset, end, r}, out);
    }
  }
  return out;
}

}  // namespace ringattn::legacy
