#include "attention/oracle.h"
#include "tests/ranks/axis_choices.h"
#include "tests/ranks/ring_run.h"
#include "tests/ranks/variant_choices.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

// Every value of every axis with every value of every other, under everything that people use with them: the oracle's
// result, at every number of ranks, at the plan's price.

namespace ringattn {
namespace {

using testing::Choice;
using testing::config_of_choice;
using testing::Extras;
using testing::has_meaning;
using testing::kAxisSizes;
using testing::kBatch;
using testing::kDim;
using testing::kHeads;
using testing::length_of_choice;
using testing::mask_of;
using testing::pairwise;
using testing::problem_of;

void check(const RingAttentionConfig& config, std::int64_t n, const std::string& name, const Extras& extras,
           const std::vector<int>& ranks_list,
           const std::vector<at::ScalarType>& dtypes = {at::kFloat, at::kBFloat16}) {
  const testing::NanMemory nan_memory;
  const Problem problem = problem_of(extras, n);
  const AttentionFunction function = resolve_function(config, problem);
  for (const at::ScalarType dtype : dtypes) {
    RankInputs full = testing::full_inputs(kBatch, n, kHeads, kDim, dtype, 7, extras.kv_heads);
    full.mask = mask_of(extras.mask, n);
    const OracleResult oracle = evaluate_oracle(function, full.query, full.key, full.value, {.mask = full.mask});
    const double out_bound = dtype == at::kFloat ? 1e-5 : 2e-2, lse_bound = dtype == at::kFloat ? 1e-5 : 1e-3;
    for (const int ranks : ranks_list) {
      INFO(fmt::format("{} causal={} mask={} kv={} window={}:{} documents={} dropout={} layout={} {} k={}", name,
                       extras.is_causal, static_cast<int>(extras.mask), extras.kv_heads, extras.window.left,
                       extras.window.right, extras.has_documents, extras.dropout, to_string(config.layout),
                       c10::toString(dtype), ranks));
      const testing::RingRun run = testing::run_ring(config, full, problem, ranks);
      CHECK(testing::worst_error(run.out, oracle.out, out_bound, out_bound) <= 1.0);
      CHECK(run.has_lse == oracle.lse.defined());
      if (run.has_lse) CHECK(testing::worst_error(run.lse, oracle.lse, lse_bound, lse_bound) <= 1.0);
      for (int rank = 0; rank < ranks; ++rank) {
        const auto r = static_cast<std::size_t>(rank);
        CHECK(run.memory[r].peak_bytes == run.priced_peak_bytes[r]);
        CHECK(run.traffic.sent_bytes(rank) == run.cost[r].sent_bytes);
        CHECK(run.traffic.received_bytes(rank) == run.cost[r].received_bytes);
        CHECK(run.traffic.messages(rank) == run.cost[r].messages);
      }
    }
  }
}

void check_choice(const Choice& choice, const Extras& extras, const std::vector<int>& ranks_list) {
  RingAttentionConfig config = config_of_choice(choice);
  config.layout = extras.layout;
  config.dropout = extras.dropout;
  check(config, length_of_choice(choice), fmt::format("axes {}", fmt::join(choice, ",")), extras, ranks_list);
}

void check_axes_with(const Extras& extras) {
  for (const Choice& choice : pairwise(kAxisSizes, has_meaning)) check_choice(choice, extras, {1, 2, 3, 4, 8});
}

}  // namespace

TEST_CASE("all pairs of axis values") { check_axes_with({}); }
TEST_CASE("all pairs of axis values, causal") { check_axes_with({.is_causal = true}); }
TEST_CASE("all pairs of axis values, a mask of keys") { check_axes_with({.mask = Extras::Mask::keys}); }
TEST_CASE("all pairs of axis values, a mask of scores") { check_axes_with({.mask = Extras::Mask::scores}); }
TEST_CASE("all pairs of axis values, shared key heads") { check_axes_with({.kv_heads = 2}); }
TEST_CASE("all pairs of axis values, a window") { check_axes_with({.window = {20, 7}}); }
TEST_CASE("all pairs of axis values, documents") { check_axes_with({.has_documents = true}); }
TEST_CASE("all pairs of axis values, dropout") { check_axes_with({.dropout = 0.3}); }

TEST_CASE(
    "limited curves, layouts along them, and block sparsity, under causality, masks, shared key heads, documents") {
  for (const testing::Variant& variant : testing::variants()) {
    for (const Extras& extras : testing::variant_extras())
      check(testing::config_of(variant), variant.seq_len, variant.pattern, extras, {1, 2, 3, 4, 8}, {at::kFloat});
    check(testing::config_of(variant), variant.seq_len, variant.pattern, {.is_causal = true}, {3}, {at::kBFloat16});
  }
}

TEST_CASE("all pairs of axis values and extras together") {
  const std::vector<int> extra_sizes{2, 5, 3, 4, 2, 2, 3};
  // The product of everything is too long to walk: extras are chosen pairwise, and each row joins them to a row of
  // axes.
  const std::vector<Choice> axes = pairwise(kAxisSizes, has_meaning);
  const std::vector<Choice> extras = pairwise(extra_sizes, [](const Choice&) { return true; });
  const std::size_t rows = std::max(axes.size(), extras.size());
  for (std::size_t shift = 0; shift < 3; ++shift) {
    for (std::size_t i = 0; i < rows; ++i) {
      const Choice& e = extras[(i * 7 + shift * 11) % extras.size()];
      const Window windows[] = {{-1, -1}, {33, -1}, {0, 0}, {5, 64}};
      check_choice(
          axes[i % axes.size()],
          {.is_causal = e[0] == 1,
           .mask = static_cast<Extras::Mask>(e[1]),
           .kv_heads = std::array<std::int64_t, 3>{0, 1, 3}[static_cast<std::size_t>(e[2])],
           .window = windows[e[3]],
           .has_documents = e[4] == 1,
           .dropout = e[5] == 1 ? 0.5 : 0.0,
           .layout = std::array{Layout::contiguous, Layout::zigzag, Layout::striped}[static_cast<std::size_t>(e[6])]},
          {1, 3, 8});
    }
  }
}

}  // namespace ringattn
