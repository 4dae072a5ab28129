#pragma once

#include "attention/interface.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <cstdint>
#include <limits>

namespace ringattn::test {

/// Query, key and value (batch, n, heads, dim) of normal random numbers: the inputs on which verdicts are tried.
struct Problem {
  at::Tensor query;
  at::Tensor key;
  at::Tensor value;
  bool causal = true;
};

inline Problem random_problem(std::int64_t n, at::ScalarType dtype, bool causal = true, std::int64_t batch = 1,
                              std::int64_t heads = 2, std::int64_t dim = 32) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(42);
  const auto draw = [&] { return at::randn({batch, n, heads, dim}, generator, at::kDouble).to(dtype); };
  return {draw(), draw(), draw(), causal};
}

/// true where query row i may see key j; `shift` moves the diagonal up for rows from `from_row` on (1: they see one key
/// too many).
inline at::Tensor visible(const Problem& problem, std::int64_t shift = 0, std::int64_t from_row = 0) {
  const std::int64_t n = problem.query.size(1);
  at::Tensor mask = at::ones({n, n}, at::kBool);
  if (!problem.causal) return mask;
  mask = mask.tril();
  if (shift != 0)
    mask.narrow(0, from_row, n - from_row)
        .copy_(at::ones({n, n}, at::kBool).tril(shift).narrow(0, from_row, n - from_row));
  return mask;
}

/// Dense attention in the dtype `arithmetic`, over the keys that `mask` (n, n) shows; out in the inputs' dtype (fp64
/// stays fp64).
inline Partial dense_attention(const Problem& problem, at::ScalarType arithmetic, const at::Tensor& mask) {
  const auto heads_first = [&](const at::Tensor& x) { return x.to(arithmetic).transpose(1, 2); };
  const double scale = 1.0 / std::sqrt(static_cast<double>(problem.query.size(3)));
  at::Tensor scores = at::matmul(heads_first(problem.query), heads_first(problem.key).transpose(2, 3)) * scale;
  scores = scores.masked_fill(mask.logical_not(), -std::numeric_limits<double>::infinity());
  const at::Tensor lse = at::logsumexp(scores, {-1});
  const at::Tensor weights = (scores - lse.unsqueeze(-1)).exp().nan_to_num(0.0);
  return {at::matmul(weights, heads_first(problem.value)).transpose(1, 2).contiguous(), lse};
}

inline Partial oracle_of(const Problem& problem) { return dense_attention(problem, at::kDouble, visible(problem)); }

/// What a library kernel gives: fp32 inside, rounded to the inputs' dtype at the end.
inline Partial direct_of(const Problem& problem) {
  Partial result = dense_attention(problem, at::kFloat, visible(problem));
  result.out = result.out.to(problem.query.scalar_type());
  return result;
}

/// A ring's arithmetic: keys in blocks, each to a partial of its own, merged in order with an fp32 state. `lse_drift`
/// is added to, and `lse_factor` multiplies, the running lse after each merge but the last; key block `dropped` is left
/// out; key block `swapped` takes the values of the next head.
struct RingMutation {
  double lse_drift = 0.0;
  double lse_factor = 1.0;
  std::int64_t dropped = -1;
  std::int64_t swapped = -1;
};

inline Partial ring_attention(const Problem& problem, std::int64_t blocks, const RingMutation& mutation = {}) {
  const std::int64_t n = problem.query.size(1);
  const std::int64_t block = n / blocks;
  const at::Tensor mask = visible(problem);
  Partial state;
  for (std::int64_t i = 0; i < blocks; ++i) {
    if (i == mutation.dropped) continue;
    Problem part = problem;
    part.key = problem.key.narrow(1, i * block, block);
    part.value = problem.value.narrow(1, i * block, block);
    if (i == mutation.swapped) part.value = part.value.roll({1}, {2});
    const Partial next = dense_attention(part, at::kFloat, mask.narrow(1, i * block, block));
    if (!state.out.defined()) {
      state = next;
      continue;
    }
    const at::Tensor lse = at::logaddexp(state.lse, next.lse);
    const auto weight = [&](const at::Tensor& own) {
      return (own - lse).exp().nan_to_num(0.0).transpose(1, 2).unsqueeze(3);
    };
    state.out = state.out * weight(state.lse) + next.out * weight(next.lse);
    state.lse = lse;
    if (i + 1 < blocks) state.lse = state.lse * mutation.lse_factor + mutation.lse_drift;
  }
  state.out = state.out.to(problem.query.scalar_type());
  return state;
}

}  // namespace ringattn::test
