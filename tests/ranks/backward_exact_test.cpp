#include "attention/oracle.h"
#include "tests/ranks/axis_choices.h"
#include "tests/ranks/backward_run.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

// The backward pass of every pattern with everything that people use with it: the same derivatives at every number of
// ranks, at the plan's price, and those that the oracle's own values have along random directions.

namespace ringattn {
namespace {

using testing::Choice;
using testing::Extras;

struct BackwardCase {
  RingAttentionConfig config;
  Problem problem;
  RankInputs full;  ///< fp64
  at::Tensor grad_out;
  std::string name;
};

BackwardCase case_of(const Choice& choice, const Extras& extras) {
  BackwardCase made{.config = testing::config_of_choice(choice), .problem = {}, .full = {}, .grad_out = {}, .name = {}};
  made.config.layout = extras.layout;
  made.config.dropout = extras.dropout;
  const std::int64_t n = testing::length_of_choice(choice);
  made.problem = testing::problem_of(extras, n);
  made.full = testing::full_inputs(testing::kBatch, n, testing::kHeads, testing::kDim, at::kDouble, 7, extras.kv_heads);
  made.full.mask = testing::mask_of(extras.mask, n);
  made.grad_out = testing::full_inputs(testing::kBatch, n, testing::kHeads, testing::kDim, at::kDouble, 8).query;
  made.name = fmt::format("axes {} causal={} mask={} kv={} window={}:{} documents={} dropout={} layout={}",
                          fmt::join(choice, ","), extras.is_causal, static_cast<int>(extras.mask), extras.kv_heads,
                          extras.window.left, extras.window.right, extras.has_documents, extras.dropout,
                          to_string(extras.layout));
  return made;
}

/// Σ grad_out · out of the oracle, the loss whose derivatives are taken.
double oracle_loss(const BackwardCase& c, const RankInputs& at) {
  const AttentionFunction function = resolve_function(c.config, c.problem);
  const OracleResult oracle = evaluate_oracle(function, at.query, at.key, at.value, {.mask = at.mask});
  return (oracle.out * c.grad_out).sum().item<double>();
}

/// Along a random direction of one input:  (loss(x + h·d) - loss(x - h·d)) / 2h = <dx, d>  to O(h²).
void check_direction(const BackwardCase& c, at::Tensor RankInputs::*input, const at::Tensor& derivative) {
  constexpr double kStep = 1e-4;
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU).clone();
  generator.set_current_seed(11);
  const at::Tensor direction = at::randn((c.full.*input).sizes(), generator, at::TensorOptions().dtype(at::kDouble));
  RankInputs ahead = c.full, behind = c.full;
  ahead.*input = c.full.*input + kStep * direction;
  behind.*input = c.full.*input - kStep * direction;
  const double slope = (oracle_loss(c, ahead) - oracle_loss(c, behind)) / (2 * kStep);
  const double want = (derivative * direction).sum().item<double>();
  const double size = derivative.norm().item<double>() + 1e-3;
  CHECK(std::abs(slope - want) <= 1e-5 * size);
}

void check_costs(const testing::BackwardRun& run, int ranks) {
  for (int rank = 0; rank < ranks; ++rank) {
    const auto r = static_cast<std::size_t>(rank);
    CHECK(run.memory[r].peak_bytes == run.priced_peak_bytes[r]);
    CHECK(run.traffic.sent_bytes(rank) == run.cost[r].sent_bytes);
    CHECK(run.traffic.received_bytes(rank) == run.cost[r].received_bytes);
    CHECK(run.traffic.messages(rank) == run.cost[r].messages);
  }
}

double worst(const Gradients& got, const Gradients& want, double bound) {
  return std::max({testing::worst_error(got.query, want.query, bound, bound),
                   testing::worst_error(got.key, want.key, bound, bound),
                   testing::worst_error(got.value, want.value, bound, bound)});
}

RankInputs rounded(const RankInputs& full, at::ScalarType dtype) {
  return {full.query.to(dtype), full.key.to(dtype), full.value.to(dtype), full.mask};
}

void check_case(const BackwardCase& c, const std::vector<int>& ranks_list) {
  const testing::NanMemory nan_memory;
  INFO(c.name);
  const testing::BackwardRun alone = testing::run_backward(c.config, c.full, c.grad_out, c.problem, 1);
  check_costs(alone, 1);
  check_direction(c, &RankInputs::query, alone.gradients.query);
  check_direction(c, &RankInputs::key, alone.gradients.key);
  check_direction(c, &RankInputs::value, alone.gradients.value);
  for (const int ranks : ranks_list) {
    CAPTURE(ranks);
    const testing::BackwardRun ring = testing::run_backward(c.config, c.full, c.grad_out, c.problem, ranks);
    check_costs(ring, ranks);
    CHECK(worst(ring.gradients, alone.gradients, 1e-12) <= 1.0);
    for (const auto& [dtype, bound] : {std::pair{at::kFloat, 2e-5}, {at::kBFloat16, 6e-2}}) {
      INFO(std::string(c10::toString(dtype)));
      const testing::BackwardRun low =
          testing::run_backward(c.config, rounded(c.full, dtype), c.grad_out.to(dtype), c.problem, ranks);
      check_costs(low, ranks);
      CHECK(worst(low.gradients, alone.gradients, bound) <= 1.0);
    }
  }
}

void check_axes_with(const Extras& extras, const std::vector<int>& ranks_list = {2, 3, 8}) {
  for (const Choice& choice : testing::pairwise(testing::kAxisSizes, testing::has_meaning))
    check_case(case_of(choice, extras), ranks_list);
}

}  // namespace

TEST_CASE("backward: all pairs of axis values") { check_axes_with({}, {2, 3, 4, 8}); }
TEST_CASE("backward: all pairs of axis values, causal") { check_axes_with({.is_causal = true}, {2, 3, 4, 8}); }
TEST_CASE("backward: all pairs of axis values, a mask of keys") { check_axes_with({.mask = Extras::Mask::keys}); }
TEST_CASE("backward: all pairs of axis values, a mask of scores") { check_axes_with({.mask = Extras::Mask::scores}); }
TEST_CASE("backward: all pairs of axis values, shared key heads") { check_axes_with({.kv_heads = 2}); }
TEST_CASE("backward: all pairs of axis values, a window") { check_axes_with({.window = {20, 7}}); }
TEST_CASE("backward: all pairs of axis values, documents") { check_axes_with({.has_documents = true}); }
TEST_CASE("backward: all pairs of axis values, dropout") { check_axes_with({.dropout = 0.3}); }

}  // namespace ringattn
