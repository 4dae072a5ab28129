#include "compare/definition_mask.h"

#include "attention/attends.h"

#include <ATen/ATen.h>

namespace ringattn {
namespace {

/// Adds one pair's keys of one row to the counts of that row, and returns how many there are.
std::int64_t count_keys(const AttentionFunction& function, std::int64_t pair, std::int64_t head, std::int64_t query,
                        float* counts) {
  const auto view = oracle::QueryView::resolve(function, {}, pair, head, query);
  if (!view) return 0;
  const oracle::KeyProgression keys = view->keys();
  for (std::int64_t i = 0; i < keys.count; ++i) counts[keys.first + i * keys.step] += 1.0F;
  return keys.count;
}

}  // namespace

DefinitionMask definition_mask(const AttentionFunction& function, const std::vector<std::int64_t>& rows) {
  const std::int64_t row_count = rows.empty() ? function.seq_len : static_cast<std::int64_t>(rows.size());
  const auto pairs = static_cast<std::int64_t>(function.pairs.size());
  DefinitionMask mask{at::zeros({function.heads, row_count, function.seq_len}, at::kFloat),
                      at::zeros({function.heads, row_count}, at::kLong),
                      function.axes.join == JoinRule::groups ? 1.0 / static_cast<double>(pairs) : 1.0};
  auto* counts = mask.additive.data_ptr<float>();
  auto* keys = mask.keys.data_ptr<std::int64_t>();
  for (std::int64_t head = 0; head < function.heads; ++head) {
    for (std::int64_t row = 0; row < row_count; ++row, counts += function.seq_len, ++keys) {
      const std::int64_t query = rows.empty() ? row : rows[static_cast<std::size_t>(row)];
      for (std::int64_t pair = 0; pair < pairs; ++pair) *keys += count_keys(function, pair, head, query, counts);
    }
  }
  mask.additive.log_();  // log(0) is the -inf that hides a key
  return mask;
}

}  // namespace ringattn
