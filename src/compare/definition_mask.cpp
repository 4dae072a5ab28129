#include "compare/definition_mask.h"

#include "attention/attends.h"

#include <ATen/ATen.h>

namespace ringattn {
namespace {

/// Adds one pair's keys to the counts of its rows.
void count_keys(const AttentionFunction& function, std::int64_t pair, std::int64_t head,
                const std::vector<std::int64_t>& rows, const at::Tensor& counts) {
  auto* count = counts.mutable_data_ptr<float>();
  for (std::int64_t row = 0; row < counts.size(0); ++row, count += counts.size(1)) {
    const std::int64_t query = rows.empty() ? row : rows[static_cast<std::size_t>(row)];
    const auto view = oracle::QueryView::resolve(function, {}, pair, head, query);
    if (!view) continue;
    view->for_each_key(0, counts.size(1),
                       [count](std::int64_t key, std::int64_t weight) { count[key] += static_cast<float>(weight); });
  }
}

}  // namespace

at::Tensor DefinitionMask::additive() const { return counts.log(); }

std::vector<DefinitionMask> definition_masks(const AttentionFunction& function, std::int64_t head,
                                             const std::vector<std::int64_t>& rows) {
  check_function(function);
  const std::int64_t row_count = rows.empty() ? function.seq_len : static_cast<std::int64_t>(rows.size());
  const auto pairs = static_cast<std::int64_t>(function.pairs.size());
  const bool apart = function.axes.join == JoinRule::mean;
  const bool divided = apart || function.axes.join == JoinRule::groups;
  std::vector<DefinitionMask> masks;
  for (std::int64_t pair = 0; pair < pairs; ++pair) {
    if (masks.empty() || apart) {
      masks.push_back(
          {at::zeros({row_count, function.seq_len}, at::kFloat), divided ? 1.0 / static_cast<double>(pairs) : 1.0});
    }
    count_keys(function, pair, head, rows, masks.back().counts);
  }
  return masks;
}

}  // namespace ringattn
