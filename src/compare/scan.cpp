#include "compare/scan.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace ringattn {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// As many independent sums as two vector registers hold, so that the compiler may use them without reordering a sum.
constexpr std::int64_t lanes = 8;
using Lanes = std::array<double, lanes>;

/// ErrorSums of a row in lanes; right only for finite elements.
struct LaneSums {
  Lanes max_abs{}, max_rel{}, max_ratio{}, error_squares{}, got_squares{}, want_squares{}, products{}, error_fourths{},
      errors{};

  void add(const double* got, const double* want, std::int64_t count, const ElementLimit& limit) {
    for (std::int64_t lane = 0; lane < count; ++lane) {
      const auto i = static_cast<std::size_t>(lane);
      const double difference = got[lane] - want[lane];
      const double error = std::abs(difference);
      const double size = std::abs(want[lane]);
      const double relaxed = std::max(limit.atol + limit.rtol * size, limit.at_least);
      const double rel = error / size;  // 0/0 is NaN, which no comparison takes
      const double ratio = error / std::min(relaxed, limit.at_most);
      max_abs[i] = error > max_abs[i] ? error : max_abs[i];
      max_rel[i] = rel > max_rel[i] ? rel : max_rel[i];
      max_ratio[i] = ratio > max_ratio[i] ? ratio : max_ratio[i];
      error_squares[i] += error * error;
      got_squares[i] += got[lane] * got[lane];
      want_squares[i] += size * size;
      products[i] += got[lane] * want[lane];
      error_fourths[i] += error * error * error * error;
      errors[i] += difference;
    }
  }

  ErrorSums folded() const {
    ErrorSums sums;
    double sum = 0.0;
    for (std::size_t i = 0; i < lanes; ++i) {
      sums.add({0, max_abs[i], max_rel[i], max_ratio[i], error_squares[i], got_squares[i], want_squares[i], products[i],
                error_fourths[i], 0.0});
      sum += errors[i];
    }
    sums.row_error_squares = sum * sum;
    return sums;
  }
};

/// The same for a row with elements that are not finite, one element after another.
ErrorSums careful_row_sums(const double* got, const double* want, std::int64_t dims, const ElementLimit& limit) {
  ErrorSums sums;
  double sum = 0.0;
  for (std::int64_t dim = 0; dim < dims; ++dim) {
    const double error = element_error(got[dim], want[dim]);
    const bool finite = std::isfinite(got[dim]) && std::isfinite(want[dim]);
    const double ratio = error == 0.0 ? 0.0 : error / limit.of(std::isfinite(want[dim]) ? want[dim] : 0.0);
    sums.add({.max_abs = error, .max_rel = relative_error(error, want[dim]), .max_ratio = ratio});
    if (!finite) continue;
    sums.add({.error_squares = error * error,
              .got_squares = got[dim] * got[dim],
              .want_squares = want[dim] * want[dim],
              .products = got[dim] * want[dim],
              .error_fourths = error * error * error * error});
    sum += got[dim] - want[dim];
  }
  sums.row_error_squares = sum * sum;
  return sums;
}

}  // namespace

double ElementLimit::of(double want) const {
  return std::min(std::max(atol + rtol * std::abs(want), at_least), at_most);
}

void ErrorSums::add(const ErrorSums& other) {
  elements += other.elements;
  max_abs = std::max(max_abs, other.max_abs);
  max_rel = std::max(max_rel, other.max_rel);
  max_ratio = std::max(max_ratio, other.max_ratio);
  error_squares += other.error_squares;
  got_squares += other.got_squares;
  want_squares += other.want_squares;
  products += other.products;
  error_fourths += other.error_fourths;
  row_error_squares += other.row_error_squares;
}

double element_error(double got, double want) {
  if (std::isfinite(got) && std::isfinite(want)) return std::abs(got - want);
  const bool same = got == want || (std::isnan(got) && std::isnan(want));
  return same ? 0.0 : infinity;
}

double relative_error(double error, double want) {
  if (error == 0.0) return 0.0;
  return std::isfinite(want) ? error / std::abs(want) : infinity;
}

ErrorSums row_sums(const double* got, const double* want, std::int64_t dims, const ElementLimit& limit) {
  LaneSums lane_sums;
  std::int64_t dim = 0;
  for (; dim + lanes <= dims; dim += lanes) lane_sums.add(got + dim, want + dim, lanes, limit);
  lane_sums.add(got + dim, want + dim, dims - dim, limit);
  ErrorSums sums = lane_sums.folded();
  // A sum of squares is finite exactly when all elements are (or their squares overflow, which the careful loop handles
  // as well).
  if (!std::isfinite(sums.got_squares + sums.want_squares)) sums = careful_row_sums(got, want, dims, limit);
  sums.elements = dims;
  return sums;
}

ErrorSums block_sums(const RowsView& got, const RowsView& want, std::int64_t rows, std::int64_t dims,
                     const ElementLimit& limit) {
  ErrorSums sums;
  for (std::int64_t row = 0; row < rows; ++row) sums.add(row_sums(got.row(row), want.row(row), dims, limit));
  return sums;
}

std::int64_t enter_row(const double* got, const double* want, std::int64_t dims, const ElementLimit& limit,
                       ElementIndex at, TensorVerdict& verdict) {
  std::int64_t beyond = 0;
  const bool has_dim = at.dim >= 0;
  for (std::int64_t dim = 0; dim < dims; ++dim) {
    const double error = element_error(got[dim], want[dim]);
    const double relative = relative_error(error, want[dim]);
    if (has_dim) at.dim = dim;
    if (error > verdict.worst_abs.abs_error) verdict.worst_abs = {at, got[dim], want[dim], error, relative};
    if (relative > verdict.worst_rel.rel_error) verdict.worst_rel = {at, got[dim], want[dim], error, relative};
    if (error <= limit.of(std::isfinite(want[dim]) ? want[dim] : 0.0)) continue;
    ++beyond;
    if (error == infinity) ++verdict.nonfinite_mismatched;
  }
  return beyond;
}

}  // namespace ringattn
