#include "compare/replay.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <string>

namespace ringattn {
namespace {

/// "[0, 3, 1, 2]" of the element at `flat` in row-major order.
std::string index_text(std::int64_t flat, at::IntArrayRef sizes) {
  std::string text;
  for (std::size_t d = sizes.size(); d-- > 0;) {
    text = std::to_string(flat % sizes[d]) + (text.empty() ? "" : ", ") + text;
    flat /= sizes[d];
  }
  return "[" + text + "]";
}

double element(const at::Tensor& tensor, std::int64_t flat) { return tensor.flatten()[flat].item<double>(); }

/// Finite, or NaN, +inf or -inf on both sides.
at::Tensor same_class(const at::Tensor& got, const at::Tensor& want) {
  const at::Tensor finite = at::isfinite(got).logical_and(at::isfinite(want));
  const at::Tensor nan = at::isnan(got).logical_and(at::isnan(want));
  return finite.logical_or(nan).logical_or(at::isinf(want).logical_and(got == want));
}

/// What |got - want| may be at each element.
at::Tensor allowed(const at::Tensor& want, std::string_view alias) {
  const at::Tensor magnitude = want.abs();
  if (alias != "hilbert_triton_v2") return 1e-5 + 1e-4 * magnitude;
  const at::Tensor finite = at::where(at::isfinite(want), magnitude, at::zeros_like(magnitude));
  return (1e-4 * finite.max()).expand_as(want);
}

}  // namespace

std::string tensor_difference(const at::Tensor& got, const at::Tensor& want, std::string_view alias) {
  if (got.sizes() != want.sizes()) {
    return "returns shape " + shape_text(got.sizes().vec()) + "; recorded: " + shape_text(want.sizes().vec());
  }
  if (want.numel() == 0) return {};
  const at::Tensor a = got.to(at::kCPU, at::kDouble);
  const at::Tensor b = want.to(at::kDouble);
  const at::Tensor other = same_class(a, b).logical_not();
  if (other.any().item<bool>()) {
    const std::int64_t at = other.flatten().to(at::kInt).argmax().item<std::int64_t>();
    return fmt::format("{} elements are NaN or infinite on one side alone, the first {} at {}; recorded: {}",
                       other.sum().item<std::int64_t>(), element(a, at), index_text(at, b.sizes()), element(b, at));
  }
  const at::Tensor distance = at::where(at::isfinite(b), (a - b).abs(), at::zeros_like(b));
  const at::Tensor excess =
      distance / at::where(at::isfinite(b), allowed(b, alias), at::ones_like(b)).clamp_min(1e-300);
  if ((excess <= 1.0).all().item<bool>()) return {};
  const std::int64_t worst = excess.argmax().item<std::int64_t>();
  return fmt::format("{} of {} elements differ, the worst {:.9g} at {}; recorded: {:.9g}",
                     (excess > 1.0).sum().item<std::int64_t>(), b.numel(), element(a, worst),
                     index_text(worst, b.sizes()), element(b, worst));
}

}  // namespace ringattn
