#include <cmath>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <ATen/ATen.h>

#include "attention/oracle.h"
#include "comm/world.h"
#include "ring/ring_attention.h"
#include "tests/support/rank_inputs.h"

namespace ringattn {
namespace {

struct Run {
  at::Tensor out, lse;
};

Run run_ring(const RingAttentionConfig& config, const RankInputs& full, bool is_causal, int ranks) {
  const std::int64_t n = full.query.size(1), heads = full.query.size(2);
  RingAttention attention(config, n, heads, is_causal, ranks);
  Run run{at::full(full.query.sizes(), NAN, full.query.options()),
          at::full({full.query.size(0), heads, n}, NAN, full.query.options().dtype(full.query.scalar_type() == at::kDouble ? at::kDouble : at::kFloat))};
  spawn_ranks(ranks, [&](Communicator& communicator) {
    const Partial part = attention.forward(communicator, testing::rank_inputs(full, attention, communicator.rank(), ranks));
    const at::Tensor index = at::tensor(expand(attention.query_positions(communicator.rank(), ranks)), at::kLong);
    run.out.index_copy_(1, index, part.out);
    run.lse.index_copy_(2, index, part.lse);
  });
  return run;
}

double error_against(const at::Tensor& got, const at::Tensor& want, double absolute, double relative) {
  const at::Tensor g = got.to(at::kDouble), w = want.to(at::kDouble);
  const at::Tensor same = g == w;  // covers equal infinities
  const at::Tensor ratio = at::where(same, at::zeros_like(w), (g - w).abs() / (absolute + relative * w.abs()));
  return ratio.numel() == 0 ? 0.0 : at::nan_to_num(ratio, 1e30).max().item<double>();
}

RingAttentionConfig config_of(const std::string& pattern) {
  RingAttentionConfig config;
  set_field(config, "segment_lengths", "[300, 700, 1500]", "test");
  set_field(config, "dilation_rates", "[1, 2, 3]", "test");
  set_field(config, "pattern", pattern, "test");
  return config;
}

struct Bound {
  at::ScalarType dtype;
  double absolute, relative, lse;
};

}  // namespace

TEST_CASE("the result equals the oracle for every pattern, length, dtype and rank count") {
  const Bound bounds[] = {{at::kFloat, 1e-5, 1.3e-6, 1e-5}, {at::kDouble, 1e-12, 1e-12, 1e-12}, {at::kBFloat16, 2e-2, 2e-2, 1e-3}};
  for (const std::string pattern : {"dense", "dilated", "dilated_keys", "strided_keys", "residue", "longnet"}) {
    for (const std::int64_t n : {1, 7, 1000}) {
      for (const bool is_causal : {false, true}) {
        for (const Bound& bound : bounds) {
          const RankInputs full = testing::full_inputs(2, n, 5, 16, bound.dtype);
          const AttentionFunction function = resolve_function(config_of(pattern), n, 5, is_causal);
          const OracleResult oracle = evaluate_oracle(function, full.query, full.key, full.value);
          for (const int ranks : {1, 2, 3, 4, 8}) {
            for (const std::string layout : {"contiguous", "zigzag"}) {
              INFO(fmt::format("{} n={} causal={} dtype={} k={} {}", pattern, n, is_causal, c10::toString(bound.dtype), ranks, layout));
              RingAttentionConfig config = config_of(pattern);
              set_field(config, "layout", layout, "test");
              const Run run = run_ring(config, full, is_causal, ranks);
              CHECK(error_against(run.out, oracle.out, bound.absolute, bound.relative) <= 1.0);
              CHECK(error_against(run.lse, oracle.lse, bound.lse, bound.lse) <= 1.0);
            }
          }
        }
      }
    }
  }
}

}  // namespace ringattn
