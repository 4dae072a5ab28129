#include "attention/oracle_gradient.h"
#include "tests/ranks/axis_choices.h"
#include "tests/ranks/backward_run.h"
#include "tests/ranks/variant_choices.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <utility>

// The backward pass of every pattern with everything that people use with it: the oracle's derivatives at every number
// of ranks, at the plan's price.

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

BackwardCase case_of(RingAttentionConfig config, std::int64_t n, const std::string& name, const Extras& extras) {
  BackwardCase made{.config = std::move(config), .problem = {}, .full = {}, .grad_out = {}, .name = {}};
  made.problem = testing::problem_of(extras, n);
  made.full = testing::full_inputs(testing::kBatch, n, testing::kHeads, testing::kDim, at::kDouble, 7, extras.kv_heads);
  made.full.mask = testing::mask_of(extras.mask, n);
  made.grad_out = testing::full_inputs(testing::kBatch, n, testing::kHeads, testing::kDim, at::kDouble, 8).query;
  made.name = fmt::format("{} causal={} mask={} kv={} window={}:{} documents={} dropout={} layout={}", name,
                          extras.is_causal, static_cast<int>(extras.mask), extras.kv_heads, extras.window.left,
                          extras.window.right, extras.has_documents, extras.dropout, to_string(made.config.layout));
  return made;
}

BackwardCase case_of(const Choice& choice, const Extras& extras) {
  RingAttentionConfig config = testing::config_of_choice(choice);
  config.layout = extras.layout;
  config.dropout = extras.dropout;
  return case_of(std::move(config), testing::length_of_choice(choice), fmt::format("axes {}", fmt::join(choice, ",")),
                 extras);
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

double worst(const Gradients& got, const OracleGradient& want, double bound) {
  return std::max({testing::worst_error(got.query, want.query, bound, bound),
                   testing::worst_error(got.key, want.key, bound, bound),
                   testing::worst_error(got.value, want.value, bound, bound)});
}

/// Against the oracle on the inputs as they are after rounding.
void check_dtype(const BackwardCase& c, at::ScalarType dtype, double bound, const std::vector<int>& ranks_list) {
  INFO(std::string(c10::toString(dtype)));
  const RankInputs inputs{c.full.query.to(dtype), c.full.key.to(dtype), c.full.value.to(dtype), c.full.mask};
  const at::Tensor grad_out = c.grad_out.to(dtype);
  const OracleGradient oracle = evaluate_oracle_gradient(resolve_function(c.config, c.problem), inputs.query,
                                                         inputs.key, inputs.value, grad_out, {.mask = inputs.mask});
  for (const int ranks : ranks_list) {
    CAPTURE(ranks);
    const testing::BackwardRun run = testing::run_backward(c.config, inputs, grad_out, c.problem, ranks);
    check_costs(run, ranks);
    CHECK(worst(run.gradients, oracle, bound) <= 1.0);
  }
}

void check_case(const BackwardCase& c, const std::vector<int>& ranks_list) {
  const testing::NanMemory nan_memory;
  INFO(c.name);
  check_dtype(c, at::kDouble, 1e-12, ranks_list);
  check_dtype(c, at::kFloat, 2e-5, ranks_list);
  check_dtype(c, at::kBFloat16, 3e-2, ranks_list);
}

void check_axes_with(const Extras& extras, const std::vector<int>& ranks_list = {4}) {
  for (const Choice& choice : testing::pairwise(testing::kAxisSizes, testing::has_meaning))
    check_case(case_of(choice, extras), ranks_list);
}

}  // namespace

TEST_CASE("backward: one tile of all queries and every second key") {
  BackwardCase c{
      .config = testing::ring_config("dilated_keys", "[64]", "[2]"),
      .problem = {.seq_len = 61, .heads = testing::kHeads},
      .full = testing::full_inputs(testing::kBatch, 61, testing::kHeads, testing::kDim, at::kDouble, 7),
      .grad_out = testing::full_inputs(testing::kBatch, 61, testing::kHeads, testing::kDim, at::kDouble, 8).query,
      .name = "every second key"};
  check_case(c, {1, 2, 3});
}
TEST_CASE("backward: a rank whose keys and derivatives come at hops far apart") {
  // Rank 0 has steps at hops 1 and 6 and takes derivatives home at hop 2, from the rank that its keys of hop 6 come
  // from.
  const std::int64_t n = 229;
  BackwardCase c{
      .config = testing::ring_config("dilated_keys", "[213]", "[2]"),
      .problem = {.seq_len = n, .heads = testing::kHeads},
      .full = testing::full_inputs(testing::kBatch, n, testing::kHeads, testing::kDim, at::kDouble, 7),
      .grad_out = testing::full_inputs(testing::kBatch, n, testing::kHeads, testing::kDim, at::kDouble, 8).query,
      .name = "far apart"};
  c.problem.documents = {0, 76, n};
  check_dtype(c, at::kDouble, 1e-12, {3, 7, 8});
}
TEST_CASE("backward: all pairs of axis values") { check_axes_with({}, {1, 2, 3, 8}); }
TEST_CASE("backward: all pairs of axis values, causal") { check_axes_with({.is_causal = true}, {1, 3, 4}); }
TEST_CASE("backward: all pairs of axis values, a mask of keys") { check_axes_with({.mask = Extras::Mask::keys}); }
TEST_CASE("backward: all pairs of axis values, a mask of scores") { check_axes_with({.mask = Extras::Mask::scores}); }
TEST_CASE("backward: all pairs of axis values, shared key heads") { check_axes_with({.kv_heads = 2}); }
TEST_CASE("backward: all pairs of axis values, a window") { check_axes_with({.window = {20, 7}}); }
TEST_CASE("backward: all pairs of axis values, documents") { check_axes_with({.has_documents = true}); }
TEST_CASE("backward: limited curves, layouts along them, and block sparsity") {
  const testing::NanMemory nan_memory;
  for (const testing::Variant& variant : testing::variants()) {
    for (const Extras& extras : testing::variant_extras()) {
      const BackwardCase c = case_of(testing::config_of(variant), variant.seq_len, variant.pattern, extras);
      INFO(c.name);
      check_dtype(c, at::kDouble, 1e-12, {1, 2, 3, 4, 8});
    }
  }
}
TEST_CASE("backward: all pairs of axis values, dropout") { check_axes_with({.dropout = 0.3}); }

}  // namespace ringattn
