#include "legacy/head_fit.h"

#include <algorithm>
#include <cmath>

namespace ringattn::legacy {
namespace {

/// Calls visit(got, want) for the rows of one head, `dim` numbers each, until it says no.
template <class Visit>
bool all_rows(const at::Tensor& got, const at::Tensor& want, std::int64_t head, const Visit& visit) {
  const std::int64_t rows = want.size(1), dim = want.size(3);
  const float* a = got.const_data_ptr<float>() + (got.size(2) > 1 ? head * dim : 0);
  const float* b = want.const_data_ptr<float>() + head * dim;
  for (std::int64_t row = 0; row < rows; ++row, a += got.size(2) * dim, b += want.size(2) * dim)
    if (!visit(a, b)) return false;
  return true;
}

}  // namespace

bool is_head(const at::Tensor& got, const at::Tensor& want, std::int64_t head, const FitTolerance& tolerance,
             double divisor) {
  const std::int64_t dim = want.size(3);
  return all_rows(got, want, head, [&](const float* a, const float* b) {
    for (std::int64_t i = 0; i < dim; ++i) {
      const double x = a[i] / divisor, y = b[i];
      const bool is_near = std::abs(x - y) <= tolerance.absolute + tolerance.relative * std::abs(y);
      if (!is_near && x != y && !(std::isnan(x) && std::isnan(y))) return false;
    }
    return true;
  });
}

bool has_zero_rows_of(const at::Tensor& got, const at::Tensor& want, std::int64_t head) {
  const std::int64_t dim = want.size(3);
  const auto is_zero = [dim](const float* row) { return std::all_of(row, row + dim, [](float x) { return x == 0; }); };
  return all_rows(got, want, head, [&](const float* a, const float* b) { return is_zero(a) == is_zero(b); });
}

}  // namespace ringattn::legacy
