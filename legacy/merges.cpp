#include "legacy/merges.h"

#include "legacy/semantics.h"

#include <ATen/ATen.h>

namespace ringattn::legacy {
namespace {

/// (batch, heads, rows) as a factor of (batch, rows, heads, dim).
at::Tensor per_row(const at::Tensor& factor) { return factor.transpose(1, 2).unsqueeze(-1); }

at::Tensor finite_lse(const at::Tensor& lse) { return at::where(lse.isfinite(), lse, at::full_like(lse, -1e10)); }

}  // namespace

ChunkResult attend_with_lse(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                            const at::Tensor& visible) {
  const at::Tensor scores = masked_scores(query, key, visible);
  const at::Tensor out = at::matmul(at::softmax(scores, -1), value.transpose(1, 2)).transpose(1, 2);
  return {out, at::logsumexp(scores, -1)};
}

void LseAccumulator::add(const ChunkResult& chunk) {
  if (!out_.defined()) {
    out_ = chunk.out.clone();
    lse_ = chunk.lse.clone();
    return;
  }
  const at::Tensor before = finite_lse(lse_);
  const at::Tensor added = finite_lse(chunk.lse);
  const at::Tensor larger = at::maximum(before, added);
  const at::Tensor weight_before = (before - larger).exp();
  const at::Tensor weight_added = (added - larger).exp();
  const at::Tensor sum = weight_before + weight_added + 1e-10;
  out_ = (out_ * per_row(weight_before) + chunk.out * per_row(weight_added)) / per_row(sum);
  lse_ = larger + sum.log();
}

void OnlineSoftmax::add(const at::Tensor& scores, const at::Tensor& value) {
  at::Tensor shifted = scores, carry;
  if (has_maximum_) {
    const at::Tensor own = scores.amax(-1, true);
    const at::Tensor larger = maximum_.defined() ? at::maximum(maximum_, own) : own;
    if (maximum_.defined()) carry = (maximum_ - larger).exp();
    shifted = scores - larger;
    maximum_ = larger;
  }
  const at::Tensor weights = shifted.exp();
  const at::Tensor part = at::matmul(weights, value.transpose(1, 2));
  const auto carried = [&](const at::Tensor& before, const at::Tensor& added) {
    if (!before.defined()) return added;
    return carry.defined() ? before * carry + added : before + added;
  };
  sum_ = carried(sum_, weights.sum(-1, true));
  weighted_ = carried(weighted_, part);
}

at::Tensor OnlineSoftmax::result(double epsilon) const {
  return (weighted_ / (sum_ + epsilon)).transpose(1, 2).contiguous();
}

void PlainSum::add(const at::Tensor& out) { sum_ = sum_.defined() ? sum_ + out : out; }

at::Tensor PlainSum::result(double divisor) const { return divisor == 1.0 ? sum_ : sum_ / divisor; }

}  // namespace ringattn::legacy
