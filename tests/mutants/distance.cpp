#include "tests/mutants/distance.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

namespace ringattn::mutants {
namespace {

constexpr std::int64_t kRows = 64;
constexpr double kFar = std::numeric_limits<double>::infinity();

/// a - b, 0 where both are the same infinity or both NaN.
at::Tensor difference(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor alike = a.eq(b).logical_or(a.isnan().logical_and(b.isnan()));
  return (a - b).masked_fill(alike, 0.0);
}

bool has_nonfinite(const at::Tensor& difference) { return !difference.isfinite().all().item<bool>(); }

/// Per (batch, head), of a block of rows: (batch, 1, heads, 1).
at::Tensor rms(const at::Tensor& block) { return block.square().mean({1, 3}, true).sqrt(); }
at::Tensor largest(const at::Tensor& block) { return block.abs().amax({1, 3}, true); }

}  // namespace

double distance(const at::Tensor& got, const at::Tensor& want, const at::Tensor& library) {
  double worst = 0.0;
  for (std::int64_t first = 0; first < got.size(1); first += kRows) {
    const std::int64_t rows = std::min(kRows, got.size(1) - first);
    const auto block = [&](const at::Tensor& t) { return t.narrow(1, first, rows).to(at::kDouble); };
    const at::Tensor b = block(want), error = difference(block(got), b);
    if (has_nonfinite(error)) return kFar;
    const at::Tensor base = difference(block(library), b).nan_to_num(0.0, 0.0, 0.0),
                     finite = b.nan_to_num(0.0, 0.0, 0.0);
    const at::Tensor ratio = got.scalar_type() == at::kFloat
                                 ? error.abs() / at::maximum(1e-5 + 1.3e-6 * finite.abs(), 2.0 * largest(base))
                                 : rms(error) / at::maximum(2.0 * rms(base), 0x1p-8 * rms(finite)).clamp_min(1e-30);
    worst = std::max(worst, ratio.max().item<double>());
  }
  return worst;
}

double lse_distance(const at::Tensor& got, const at::Tensor& want, double atol) {
  if (!got.defined() || !want.defined()) return 0.0;
  const at::Tensor error = difference(got.to(at::kDouble), want);
  if (has_nonfinite(error)) return kFar;
  return (error.abs() / (atol + 1.3e-6 * want.nan_to_num(0.0, 0.0, 0.0).abs())).max().item<double>();
}

}  // namespace ringattn::mutants
