#include "attention/attends.h"
#include "attention/oracle.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <functional>

// A row that no key is left to has out 0 and lse -inf, exactly: in every backend, type and number of ranks, whatever
// took its keys away.

namespace ringattn {
namespace {

constexpr std::int64_t kN = 24, kHeads = 4, kDim = 8, kBatch = 2;
constexpr double kHidden = -std::numeric_limits<double>::infinity();

struct Setting {
  const char* what;
  RingAttentionConfig config;
  Problem problem;
  at::Tensor mask{};
};

Problem problem(bool is_causal = false, MaskShape mask = {}) {
  Problem p{.seq_len = kN, .heads = kHeads, .is_causal = is_causal};
  p.mask = mask;
  return p;
}

RingAttentionConfig dense() { return testing::ring_config("dense", "[24]", "[1]"); }
RingAttentionConfig second_keys() { return testing::ring_config("dilated_keys", "[8, 24]", "[1, 3]"); }

/// Along a curve, dilated keys are a list of rows.
RingAttentionConfig curve_keys() {
  RingAttentionConfig config = testing::ring_config("dilated_keys", "[24, 24]", "[2, 3]");
  PatternAxes axes = axes_of(PatternName::dilated_keys);
  axes.order = OrderRule::hilbert;
  config.pattern = {.name = PatternName::custom, .axes = axes};
  return config;
}

/// Batch index 0 loses the first five keys, batch index 1 all of them.
at::Tensor key_mask(bool is_additive) {
  at::Tensor may = at::ones({kBatch, kN}, at::kBool);
  may.narrow(1, 0, 5).fill_(false);
  may[1].fill_(false);
  return is_additive ? at::zeros({kBatch, kN}, at::kFloat).masked_fill_(may.logical_not(), kHidden) : may;
}

/// Rows 3 and 17 lose all keys, row 4 all but its last one, on every head or on head 1 alone.
at::Tensor scores_mask(bool is_per_head, bool is_additive) {
  at::Tensor may = at::ones({1, is_per_head ? kHeads : 1, kN, kN}, at::kBool);
  const at::Tensor head = may[0][is_per_head ? 1 : 0];
  head[3].fill_(false), head[17].fill_(false);
  head[4].narrow(0, 0, kN - 1).fill_(false);
  return is_additive ? at::full_like(may, 0.25, at::kFloat).masked_fill_(may.logical_not(), kHidden) : may;
}

std::vector<Setting> settings() {
  const MaskShape keys{MaskKind::keys, false, false}, keys_additive{MaskKind::keys, false, true};
  std::vector<Setting> list;
  for (const bool causal : {false, true}) {
    list.push_back({"key mask", dense(), problem(causal, keys), key_mask(false)});
    list.push_back({"additive key mask", dense(), problem(causal, keys_additive), key_mask(true)});
    for (const bool per_head : {false, true}) {
      for (const bool additive : {false, true})
        list.push_back({"mask of scores", dense(), problem(causal, {MaskKind::scores, per_head, additive}),
                        scores_mask(per_head, additive)});
    }
    Problem window = problem(causal);
    window.window = {0, 0};
    list.push_back({"window that holds no key of the class", second_keys(), window});
    list.push_back({"window along a curve", curve_keys(), window});
    Problem documents = problem(causal);
    documents.documents = {0, 1, 2, 3, 9, 10, 23, 24};
    list.push_back({"documents of one row", second_keys(), documents});
    list.push_back({"documents along a curve", curve_keys(), documents});
    list.push_back({"key mask along a curve", curve_keys(), problem(causal, keys), key_mask(false)});
    Problem shared = problem(causal, keys);
    shared.kv_heads = 2;
    list.push_back({"key mask, shared key heads", dense(), shared, key_mask(false)});
    shared.kv_heads = 1;
    list.push_back({"key mask, one key head", dense(), shared, key_mask(false)});
    list.push_back({"queries of no pair", testing::ring_config("dilated", "[8, 24]", "[2, 3]"), problem(causal)});
  }
  return list;
}

/// Which rows are empty by definition: bool (batch, heads, n).
at::Tensor empty_by_definition(const AttentionFunction& f, const at::Tensor& mask) {
  at::Tensor may = at::zeros({f.heads, f.seq_len, f.seq_len}, at::kBool);
  for (std::int64_t head = 0; head < f.heads; ++head) {
    for (std::int64_t query = 0; query < f.seq_len; ++query) {
      for (std::int64_t key = 0; key < f.seq_len; ++key) {
        for (std::int64_t pair = 0; pair < std::ssize(f.pairs); ++pair) {
          if (attends(f, pair, head, query, key)) may[head][query][key].fill_(true);
        }
      }
    }
  }
  may = may.unsqueeze(0).expand({kBatch, f.heads, f.seq_len, f.seq_len});
  if (mask.defined()) {
    const at::Tensor wide = mask.dim() == 2 ? mask.unsqueeze(1).unsqueeze(2) : mask;
    may = may.logical_and(f.mask.is_additive ? wide.ne(kHidden) : wide);
  }
  return may.any(-1).logical_not();
}

void check_setting(const Setting& setting, Backend backend, at::ScalarType dtype) {
  RingAttentionConfig config = setting.config;
  config.backend = backend;
  RankInputs full = testing::full_inputs(kBatch, kN, kHeads, kDim, dtype, 3, setting.problem.kv_heads);
  full.mask = setting.mask;
  const AttentionFunction f = resolve_function(config, setting.problem);
  const at::Tensor empty = empty_by_definition(f, setting.mask);
  REQUIRE(empty.any().item<bool>());
  REQUIRE_FALSE(empty.all().item<bool>());
  const OracleResult oracle = evaluate_oracle(f, full.query, full.key, full.value, {.mask = full.mask});
  const double bound = dtype == at::kBFloat16 ? 2e-2 : dtype == at::kFloat ? 1e-5 : 1e-12;
  for (const int ranks : {1, 2, 3, 8}) {
    INFO(fmt::format("{} causal={} {} {} k={}", setting.what, f.is_causal, to_string(backend), c10::toString(dtype),
                     ranks));
    const testing::RingRun run = testing::run_ring(config, full, setting.problem, ranks);
    const at::Tensor empty_out = run.out.transpose(1, 2).masked_select(empty.unsqueeze(-1));
    CHECK(empty_out.eq(0.0).all().item<bool>());
    CHECK(run.lse.masked_select(empty).eq(kHidden).all().item<bool>());
    CHECK(at::isfinite(run.lse.masked_select(empty.logical_not())).all().item<bool>());
    CHECK(testing::worst_error(run.out, oracle.out, bound, bound) <= 1.0);
    CHECK(testing::worst_error(run.lse, oracle.lse, std::min(bound, 1e-3), std::min(bound, 1e-3)) <= 1.0);
  }
}

void check_backend(Backend backend) {
  const testing::NanMemory nan_memory;
  at::set_num_threads(1);
  for (const Setting& setting : settings()) {
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kDouble}) check_setting(setting, backend, dtype);
  }
}

}  // namespace

TEST_CASE("rows without a key are 0 and -inf, reference backend") { check_backend(Backend::reference); }
TEST_CASE("rows without a key are 0 and -inf, library kernel") { check_backend(Backend::sdpa); }

TEST_CASE("a mask of keys under one tile is still one call, whose result needs no merge") {
  for (const bool is_causal : {false, true}) {
    for (const std::int64_t kv_heads : {0, 1}) {
      Problem masked = problem(is_causal, {MaskKind::keys, false, false});
      masked.kv_heads = kv_heads;
      RingAttention attention(dense(), masked, 1);
      CHECK(is_single_tile(attention.plan(0)));
    }
  }
}

TEST_CASE("a whole rank whose rows have no key left") {
  at::set_num_threads(1);
  const testing::NanMemory nan_memory;
  RankInputs full = testing::full_inputs(kBatch, kN, kHeads, kDim, at::kFloat);
  full.mask = at::ones({1, 1, kN, kN}, at::kBool);
  full.mask.narrow(2, 0, kN / 2).fill_(false);
  const Problem masked = problem(true, {MaskKind::scores, false, false});
  for (const Backend backend : {Backend::reference, Backend::sdpa}) {
    RingAttentionConfig config = testing::ring_config("dense", "[24]", "[1]", "contiguous");
    config.backend = backend;
    const testing::RingRun run = testing::run_ring(config, full, masked, 4);
    CHECK(run.out.narrow(1, 0, kN / 2).eq(0.0).all().item<bool>());
    CHECK(run.lse.narrow(2, 0, kN / 2).eq(kHidden).all().item<bool>());
    CHECK(at::isfinite(run.lse.narrow(2, kN / 2, kN / 2)).all().item<bool>());
  }
}

TEST_CASE("no row has a key: all is 0 and -inf at every rank count, under the mean of pairs too") {
  at::set_num_threads(1);
  const testing::NanMemory nan_memory;
  RankInputs full = testing::full_inputs(kBatch, kN, kHeads, kDim, at::kFloat);
  full.mask = at::zeros({1, kN}, at::kBool);
  RingAttentionConfig mean = testing::ring_config("longnet", "[8, 24]", "[1, 3]");
  PatternAxes axes = axes_of(PatternName::longnet);
  axes.join = JoinRule::mean;
  mean.pattern = {.name = PatternName::custom, .axes = axes};
  for (const RingAttentionConfig& config : {dense(), second_keys(), curve_keys(), mean}) {
    for (const int ranks : {1, 2, 3, 8}) {
      const testing::RingRun run =
          testing::run_ring(config, full, problem(false, {MaskKind::keys, false, false}), ranks);
      CHECK(run.out.eq(0.0).all().item<bool>());
      if (run.has_lse) CHECK(run.lse.eq(kHidden).all().item<bool>());
    }
  }
}

}  // namespace ringattn
