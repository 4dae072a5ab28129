#include "attention/inputs.h"
#include "compare/numeric.h"
#include "compare/reference.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>

// What ill-conditioned logits excuse, and what they don't.

namespace ringattn {
namespace {

constexpr std::int64_t kN = 256, kHeads = 2, kDim = 64;

AttentionFunction dense() { return {{}, {{kN, 1}}, kN, kHeads, true}; }

/// Inputs, and what their results are judged by.
struct Setting {
  std::unique_ptr<InputSource> inputs;
  ReferenceBook book;
  const Reference& reference;

  explicit Setting(InputDistribution distribution, std::uint64_t seed = 1, const AttentionFunction& f = dense())
      : inputs(generated_inputs(
            {.seed = seed, .seq_len = kN, .heads = kHeads, .head_dim = kDim, .distribution = distribution})),
        book(*inputs, {}),
        reference(book.of(f, at::kFloat)) {}

  at::Tensor heads_first(InputTensor which) const {
    return inputs->rows(which, {{.first = 0, .count = kN, .step = 1}}, at::kFloat).transpose(1, 2);
  }

  /// The dense formula in fp32, with its logits (batch, heads, n, n) spoilt.
  Partial attend(const std::function<void(at::Tensor&)>& spoil) const {
    at::Tensor logits =
        at::matmul(heads_first(InputTensor::query), heads_first(InputTensor::key).transpose(2, 3)) / 8.0;
    spoil(logits);
    const at::Tensor hidden = at::ones({kN, kN}, at::kBool).triu(1);
    logits = logits.masked_fill(hidden, -INFINITY);
    const at::Tensor out = at::matmul(at::softmax(logits, -1), heads_first(InputTensor::value));
    return {out.transpose(1, 2).contiguous(), at::logsumexp(logits, {-1})};
  }

  NumericVerdict judge(const Partial& result) const {
    return judge_against_oracle(result, reference.oracle,
                                {.baseline = reference.library,
                                 .single_key_rows = reference.single_key_rows,
                                 .inputs = reference.magnitude,
                                 .sensitivity = reference.sensitivity});
  }
};

void nothing(at::Tensor&) {}
void off_by_a_thousandth(at::Tensor& logits) { logits.select(3, kN / 2).mul_(1.001F); }
void without_one_key(at::Tensor& logits) { logits.select(3, kN / 2).fill_(-INFINITY); }

/// How many times what the usual tolerance allows.
double worst_relaxation(const at::Tensor& allowance, const at::Tensor& usual) {
  return (allowance / usual).max().item<double>();
}

}  // namespace

TEST_CASE("a right result passes whatever the logits, and a planted error in logits, lse or keys does not") {
  at::set_num_threads(1);
  for (const auto distribution : {InputDistribution::normal, InputDistribution::one_huge_key}) {
    for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
      CAPTURE(std::string(to_string(distribution)));
      CAPTURE(seed);
      const Setting setting(distribution, seed);
      const Partial right = setting.attend(nothing);
      const NumericVerdict verdict = setting.judge(right);
      CHECK_MESSAGE(verdict.passed, verdict.reason);
      for (const auto spoil : {off_by_a_thousandth, without_one_key}) {
        const NumericVerdict wrong = setting.judge(setting.attend(spoil));
        REQUIRE(wrong.tensors.size() == 2);
        CHECK_FALSE(wrong.tensors[1].passed);
        CHECK(wrong.tensors[1].worst_block.ratio > 5.0);
        // Where softmax saturates, a logit of ±30000 may be off by a thousandth and leave out as it is.
        const bool is_saturated = distribution == InputDistribution::one_huge_key && spoil == off_by_a_thousandth;
        CHECK(wrong.tensors[0].passed == is_saturated);
      }
      const NumericVerdict scaled = setting.judge({right.out, right.lse * 1.0001F});
      CHECK(scaled.tensors.at(0).passed);
      CHECK_FALSE(scaled.tensors.at(1).passed);
    }
  }
}

TEST_CASE("rows that a huge key does not reach are judged as strictly as ever") {
  at::set_num_threads(1);
  const Setting setting(InputDistribution::one_huge_key);
  Partial result = setting.attend(nothing);
  const at::Tensor early = result.lse.narrow(2, 0, kN / 2);  // causal: these rows don't see it
  early.add_(4e-5F);
  const NumericVerdict verdict = setting.judge(result);
  CHECK_FALSE(verdict.passed);
  CHECK(verdict.tensors.at(1).mismatched >= kHeads * (kN / 2 - 10));
}

TEST_CASE("the sensitivity relaxes nothing for standard normal inputs") {
  at::set_num_threads(1);
  const Setting setting(InputDistribution::normal);
  const Reference& r = setting.reference;
  constexpr double u = 0x1p-24;
  const at::Tensor usual_out = 1e-5 + 1.3e-6 * r.oracle.out.abs().amax(-1),
                   usual_lse = 1e-5 + 1.3e-6 * r.oracle.lse.abs();
  CHECK(worst_relaxation(out_roundings * u * r.sensitivity.out, usual_out) < 1.0);
  CHECK(worst_relaxation(lse_roundings * u * r.sensitivity.lse, usual_lse) < 0.5);
}

TEST_CASE("the sensitivity is the formula's, and never above the analytic bound") {
  at::set_num_threads(1);
  for (const auto distribution : {InputDistribution::normal, InputDistribution::one_huge_key}) {
    const Setting setting(distribution);
    const auto wide = [&](InputTensor which) { return setting.heads_first(which).to(at::kDouble); };
    const at::Tensor query = wide(InputTensor::query), key = wide(InputTensor::key), value = wide(InputTensor::value);
    const at::Tensor hidden = at::ones({kN, kN}, at::kBool).triu(1);
    const at::Tensor weights =
        at::softmax((at::matmul(query, key.transpose(2, 3)) / 8.0).masked_fill(hidden, -INFINITY), -1);
    const at::Tensor norm = key.norm(2, -1).unsqueeze(-1), length = query.norm(2, -1) / 8.0;
    const at::Tensor lse = length * at::matmul(weights, norm).squeeze(-1);
    const at::Tensor largest = at::matmul(weights, value).abs().amax(-1);
    const at::Tensor out = length * at::matmul(weights, norm * value.abs().amax(-1, true)).squeeze(-1) + largest * lse;
    const RowSensitivity& seen = setting.reference.sensitivity;
    CHECK(at::allclose(seen.lse, lse, 1e-9, 1e-12));
    CHECK(at::allclose(seen.out, out.transpose(1, 2), 1e-9, 1e-12));
    const ErrorBound bound = rounding_bound(setting.reference.magnitude, 0x1p-24);
    CHECK(lse_roundings * 0x1p-24 * seen.lse.max().item<double>() < bound.lse);
    CHECK(out_roundings * 0x1p-24 * seen.out.max().item<double>() < bound.out);
  }
}

TEST_CASE("a division by G halves the sensitivity of out and leaves that of lse; mean has no lse") {
  at::set_num_threads(1);
  AttentionFunction f = dense();
  f.pairs = {{kN, 1}, {kN, 1}};
  f.axes.placement = Placement::tiles;
  f.axes.heads = HeadRule::first;
  const Setting single(InputDistribution::normal, 1, f);
  f.axes.join = JoinRule::groups;
  const Setting groups(InputDistribution::normal, 1, f);
  CHECK(at::allclose(groups.reference.sensitivity.out * 2.0, single.reference.sensitivity.out, 1e-12, 0.0));
  CHECK(at::allclose(groups.reference.sensitivity.lse, single.reference.sensitivity.lse, 1e-12, 0.0));
  f.axes.heads = HeadRule::all;
  f.axes.join = JoinRule::mean;
  const Setting mean(InputDistribution::normal, 1, f);
  CHECK(at::allclose(mean.reference.sensitivity.out, single.reference.sensitivity.out, 1e-12, 0.0));  // of equal pairs
  CHECK_FALSE(mean.reference.sensitivity.lse.defined());
}

TEST_CASE("dropout leaves the sensitivity of lse, and that of out is of the weights that stay, as large as they get") {
  at::set_num_threads(1);
  AttentionFunction f = dense();
  const Setting whole(InputDistribution::normal, 1, f);
  f.dropout = 0.5;
  const Setting dropped(InputDistribution::normal, 1, f);
  const RowSensitivity &seen = dropped.reference.sensitivity, &all = whole.reference.sensitivity;
  CHECK(at::allclose(seen.lse, all.lse, 1e-12, 0.0));
  CHECK(seen.out.mean().item<double>() > all.out.mean().item<double>());
  CHECK(seen.out.mean().item<double>() < 4.0 * all.out.mean().item<double>());
  CHECK(dropped.reference.oracle.out.size(3) == kDim);
}

}  // namespace ringattn
