#include "cli/rehearsed_gradients.h"

#include "compare/gradient_judge.h"
#include "compare/reference.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace ringattn {
namespace {

/// `tensor` (batch, rows, …) of these positions, at those of them that are wanted, ascending.
at::Tensor rows_at(const at::Tensor& tensor, const Positions& positions, const std::vector<std::int64_t>& wanted) {
  const std::vector<std::int64_t> own = expand(positions);
  std::vector<std::int64_t> places;
  for (const std::int64_t position : wanted)
    places.push_back(std::find(own.begin(), own.end(), position) - own.begin());
  return tensor.index_select(1, at::tensor(places, at::kLong));
}

}  // namespace

RankGradients rank_gradients(const Rehearsal::Metered& run, const std::vector<std::int64_t>& judged) {
  const auto ascending = [](const Positions& positions) {
    std::vector<std::int64_t> list = expand(positions);
    std::sort(list.begin(), list.end());
    return list;
  };
  RankGradients own{{}, ascending(run.key_positions), {}};
  const std::vector<std::int64_t> queries = ascending(run.positions);
  std::set_intersection(queries.begin(), queries.end(), judged.begin(), judged.end(), std::back_inserter(own.rows));
  own.gradients = {rows_at(run.gradients.query, run.positions, own.rows),
                   rows_at(run.gradients.key, run.key_positions, own.key_rows),
                   rows_at(run.gradients.value, run.key_positions, own.key_rows)};
  return own;
}

NumericVerdict judge_rank_gradients(const RankGradients& own, const AttentionFunction& function,
                                    const InputSource& inputs, at::ScalarType dtype) {
  if (own.rows.empty()) {
    NumericVerdict nothing_judged;
    nothing_judged.passed = true;
    return nothing_judged;
  }
  ReferenceBook references(inputs, own.rows);
  const GradientReference expected = references.gradients_at(function, dtype, own.key_rows);
  NumericVerdict verdict = judge_gradients(own.gradients, expected.oracle, context_of(expected));
  for (TensorVerdict& tensor : verdict.tensors) {
    NumericVerdict one;
    one.tensors.push_back(std::move(tensor));
    number_rows(one, one.tensors.front().tensor == "dq" ? own.rows : own.key_rows);
    tensor = std::move(one.tensors.front());
  }
  return verdict;
}

/// Keeps the worse of two verdicts on tensors of one name.
void keep_worse(NumericVerdict& kept, NumericVerdict other) {
  const auto share = [](const TensorVerdict& tensor) { return tensor.worst_block.ratio / tensor.worst_block.allowed; };
  for (TensorVerdict& tensor : other.tensors) {
    const auto same = std::find_if(kept.tensors.begin(), kept.tensors.end(),
                                   [&](const TensorVerdict& t) { return t.tensor == tensor.tensor; });
    if (same == kept.tensors.end())
      kept.tensors.push_back(std::move(tensor));
    else if (same->passed && (!tensor.passed || share(tensor) > share(*same)))
      *same = std::move(tensor);
  }
  if (kept.passed && !other.passed) kept.reason = other.reason;
  kept.passed = kept.passed && other.passed;
}

}  // namespace ringattn
