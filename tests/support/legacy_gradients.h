#pragma once

#include "attention/interface.h"
#include "attention/oracle.h"
#include "comm/world.h"
#include "rank_inputs.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstdint>
#include <vector>

namespace ringattn::testing {

struct GradientRun {
  std::vector<Partial> results;
  std::vector<Gradients> gradients;  ///< per rank
};

/// forward and backward of all ranks, each given its rows of everything. `keeps_graph`: the query of forward requires
/// grad, so that what autograd keeps is there in backward. Throws what a rank threw.
inline GradientRun run_backward(World& world, Attention& attention, const RankInputs& full, const at::Tensor& grad_out,
                                bool keeps_graph = true) {
  const int k = world.size();
  GradientRun run{std::vector<Partial>(static_cast<std::size_t>(k)),
                  std::vector<Gradients>(static_cast<std::size_t>(k))};
  world.run([&](Communicator& communicator) {
    const int rank = communicator.rank();
    const auto index = static_cast<std::size_t>(rank);
    RankInputs own = rank_inputs(full, attention, rank, k);
    if (keeps_graph) own.query = own.query.detach().requires_grad_(true);
    const at::Tensor rows = rows_among_nan(grad_out, attention.query_positions(rank, k));
    run.results[index] = attention.forward(communicator, own);
    run.gradients[index] = attention.backward(communicator, own, run.results[index], rows);
  });
  return run;
}

/// The ranks' gradients put together by position; a row that several ranks were given has the sum of theirs.
inline Gradients summed(const Attention& attention, const std::vector<Gradients>& parts, const RankInputs& full) {
  const auto k = static_cast<int>(parts.size());
  Gradients whole{at::zeros_like(full.query), at::zeros_like(full.key), at::zeros_like(full.value)};
  for (int rank = 0; rank < k; ++rank) {
    const auto rows = [](const Positions& positions) { return at::tensor(expand(positions), at::kLong); };
    const Gradients& part = parts[static_cast<std::size_t>(rank)];
    const at::Tensor keys = rows(attention.key_positions(rank, k));
    whole.query.index_add_(1, rows(attention.query_positions(rank, k)), part.query);
    whole.key.index_add_(1, keys, part.key);
    whole.value.index_add_(1, keys, part.value);
  }
  return whole;
}

/// How far gradients are off the derivative of Σ out · grad_out at a direction that changes query, key and value
/// together: |<gradient, u> - (f(x + εu) - f(x - εu)) / 2ε| for the oracle's f, in fp64.
inline double off_finite_difference(const AttentionFunction& function, const RankInputs& full,
                                    const at::Tensor& grad_out, const Gradients& gradients, std::uint64_t seed) {
  constexpr double epsilon = 1e-5;
  const RankInputs u = full_inputs(full.query.size(0), full.query.size(1), full.query.size(2), full.query.size(3),
                                   at::kDouble, seed, full.key.size(2));
  const auto loss = [&](double step) {
    OracleOptions options;
    options.mask = full.mask;
    const OracleResult result = evaluate_oracle(function, full.query + step * u.query, full.key + step * u.key,
                                                full.value + step * u.value, options);
    return (result.out * grad_out).sum().item<double>();
  };
  const double wanted = (loss(epsilon) - loss(-epsilon)) / (2.0 * epsilon);
  const double got =
      ((gradients.query * u.query).sum() + (gradients.key * u.key).sum() + (gradients.value * u.value).sum())
          .item<double>();
  return std::abs(got - wanted);
}

}  // namespace ringattn::testing
