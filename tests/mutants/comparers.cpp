#include "tests/mutants/comparers.h"

#include <ATen/ATen.h>

namespace ringattn::mutants {
namespace {

bool is_low(const Compared& c) { return c.got.scalar_type() != at::kFloat; }

/// torch.allclose with NaN equal to NaN: of the result with the reference in its dtype.
bool all_close(const Compared& c, double rtol, double atol) {
  const at::Tensor want = c.reference.to(c.got.scalar_type()).to(at::kDouble);
  return at::allclose(c.got.to(at::kDouble), want, rtol, atol, /*equal_nan=*/true);
}

double largest(const at::Tensor& a, const at::Tensor& b) {
  return (a.to(at::kDouble) - b.to(at::kDouble)).abs().max().item<double>();
}

bool passes_torch(const Compared& c) { return all_close(c, is_low(c) ? 1.6e-2 : 1.3e-6, 1e-5); }

bool passes_flash(const Compared& c) {
  const at::Tensor b = c.reference.to(c.got.scalar_type());
  const double rounding = 2.0 * largest(b + 0.3 - 0.3, b);
  return largest(c.got, c.reference) <= 2.0 * largest(c.plain, c.reference) + rounding;
}

bool passes_te(const Compared& c) { return is_low(c) ? all_close(c, 2.5e-2, 2.5e-2) : all_close(c, 1e-6, 5e-6); }

bool passes_cosine(const Compared& c) {
  const at::Tensor a = c.got.to(at::kDouble), b = c.reference;
  const double norms = (a * a + b * b).sum().item<double>();
  return 1.0 - 2.0 * (a * b).sum().item<double>() / norms < 1e-3;
}

bool passes_guide(const Compared& c) { return all_close(c, 1e-3, 1e-5); }

}  // namespace

const std::vector<Comparer>& comparers() {
  static const std::vector<Comparer> list{{"torch", "torch.testing.assert_close, its defaults", passes_torch},
                                          {"flash", "FlashAttention's tests", passes_flash},
                                          {"te", "TransformerEngine's tolerances", passes_te},
                                          {"cosine", "1 - cos < 1e-3", passes_cosine},
                                          {"guide", "the guide's allclose, 1e-3 and 1e-5", passes_guide}};
  return list;
}

}  // namespace ringattn::mutants
