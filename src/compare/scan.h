#pragma once

#include "compare/verdict.h"

#include <cstdint>
#include <limits>

namespace ringattn {

// The loops over elements, on plain pointers: one pass, no temporaries.

/// Rows of one batch index and head: element (row, dim) lies at data[row * row_stride + dim].
struct RowsView {
  const double* data = nullptr;
  std::int64_t row_stride = 0;
  const double* row(std::int64_t index) const { return data + index * row_stride; }
};

/// limit(want) = min(max(atol + rtol·|want|, at_least), at_most).
struct ElementLimit {
  double atol = 0.0;
  double rtol = 0.0;
  double at_least = 0.0;
  double at_most = std::numeric_limits<double>::infinity();
  double of(double want) const;
};

/// What one pass finds: sums over finite pairs of elements, and the largest of |got - want|, of that over |want|, and
/// of that over the limit. Pairs that are not finite have error 0 where they are the same value (both NaN, both +inf,
/// both -inf) and infinity otherwise.
struct ErrorSums {
  std::int64_t elements = 0;
  double max_abs = 0.0;
  double max_rel = 0.0;
  double max_ratio = 0.0;
  double error_squares = 0.0;
  double got_squares = 0.0;
  double want_squares = 0.0;
  double products = 0.0;
  double error_fourths = 0.0;      ///< Σ (got - want)⁴
  double row_error_squares = 0.0;  ///< Σ over rows of (Σ over dims of got - want)²
  void add(const ErrorSums& other);
};

/// |got - want|, with the rule above for what is not finite.
double element_error(double got, double want);
/// error / |want|: 0 where the error is 0, infinity where only want is.
double relative_error(double error, double want);

/// One row of `dims` elements.
ErrorSums row_sums(const double* got, const double* want, std::int64_t dims, const ElementLimit& limit);
/// `rows` rows of `dims` elements.
ErrorSums block_sums(const RowsView& got, const RowsView& want, std::int64_t rows, std::int64_t dims,
                     const ElementLimit& limit);

/// Counts the elements of one row that are beyond their limit, and enters worst errors and non-finite mismatches into
/// `verdict`. `at` is the index of the row's first element. Needed only for a row whose sums say that there is
/// something to enter.
std::int64_t enter_row(const double* got, const double* want, std::int64_t dims, const ElementLimit& limit,
                       ElementIndex at, TensorVerdict& verdict);

}  // namespace ringattn
