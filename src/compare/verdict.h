#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

// What a numeric comparison found, as plain data: no tensors, so that reports can hold it and read it back.

/// Which rule judged: elementwise in fp32 (logic), elementwise at 1e-12 (fp64), block RMSE (precision), user's rtol and
/// atol (tolerance).
enum class Tier { logic, fp64, precision, tolerance };
std::string_view to_string(Tier tier);

/// Where an element lies. `dim` is -1 in lse, which has none.
struct ElementIndex {
  std::int64_t batch = 0;
  std::int64_t row = 0;
  std::int64_t head = 0;
  std::int64_t dim = -1;
  bool operator==(const ElementIndex&) const = default;
};

/// One element of the judged tensor (`got`) beside the expected one (`want`). rel_error = |got - want| / |want|, inf
/// where want = 0.
struct ElementError {
  ElementIndex index;
  double got = 0.0;
  double want = 0.0;
  double abs_error = 0.0;
  double rel_error = 0.0;
  bool operator==(const ElementError&) const = default;
};

/// Rows [first_row, last_row] of one head and batch index. `ratio` is the worst error in the block in units of what is
/// allowed there (elementwise tiers: error / limit, at most 1 passes), or RMSE / the baseline's RMSE (precision tier:
/// at most 2 passes).
struct BlockError {
  std::int64_t batch = 0;
  std::int64_t head = 0;
  std::int64_t first_row = 0;
  std::int64_t last_row = -1;
  double ratio = 0.0;
  double allowed = 1.0;
  bool operator==(const BlockError&) const = default;
};

/// Spread of one tensor's finite elements, and how many are not finite. Quantiles are of |x|.
struct TensorStats {
  std::int64_t elements = 0;
  std::int64_t nan_count = 0;
  std::int64_t inf_count = 0;
  double mean = 0.0;
  double stddev = 0.0;
  double min = 0.0;
  double max = 0.0;
  ElementIndex min_index;
  ElementIndex max_index;
  double abs_p50 = 0.0;
  double abs_p90 = 0.0;
  double abs_p99 = 0.0;
  bool operator==(const TensorStats&) const = default;
};

/// How many elements err by how much: bin i counts |got - want| in [10^(first_exponent+i), 10^(first_exponent+i+1));
/// smaller errors (0 included) fall into the first bin, larger ones into the last.
struct ErrorHistogram {
  int first_exponent = -12;
  std::vector<std::int64_t> counts;
  bool operator==(const ErrorHistogram&) const = default;
};

/// The largest |got - want| in each of at most error_places_max stretches of rows, over all batch indices, heads and
/// dims: place i begins at row first_row[i] and ends before the next place. An element that is finite on one side only
/// counts as inf.
struct ErrorProfile {
  std::vector<std::int64_t> first_row;
  std::vector<double> max_abs;
  bool operator==(const ErrorProfile&) const = default;
};
inline constexpr std::int64_t error_places_max = 64;

/// What only a failure needs: the spread of both sides and of the error.
struct FailureDetails {
  TensorStats got;
  TensorStats want;
  ErrorHistogram histogram;
  bool operator==(const FailureDetails&) const = default;
};

/// The verdict on one tensor (out or lse).
struct TensorVerdict {
  std::string tensor;  ///< "out" or "lse"
  bool passed = false;
  std::string reason;  ///< why it failed; empty when it passed
  std::int64_t elements = 0;
  std::int64_t mismatched =
      0;  ///< elements beyond their limit, or not exact where they must be; non-finite mismatches included
  std::int64_t nonfinite_mismatched =
      0;  ///< elements that are NaN, +inf or -inf on one side and not the same on the other
  ElementError worst_abs;
  ElementError worst_rel;
  BlockError worst_block;
  double required_atol = 0.0;  ///< the smallest atol that would have passed with rtol = 0; inf where none
  double required_rtol = 0.0;  ///< the smallest rtol that would have passed with atol = 0; inf where none
  std::int64_t first_bad_row =
      -1;                         ///< the first row with a mismatch (precision tier: of a failing block), -1 when none
  std::int64_t worst_row = -1;    ///< the row of the largest absolute error
  double one_minus_cosine = 0.0;  ///< for people: 1 - cos(got, want)
  double sqnr_db = std::numeric_limits<double>::infinity();  ///< for people: 10·log10(Σwant² / Σ(got - want)²)
  std::optional<FailureDetails> details;                     ///< present exactly when it failed on numbers
  ErrorProfile error_by_position;                            ///< empty where no rows were compared
  bool operator==(const TensorVerdict&) const = default;
};

/// The verdict on a whole result. A wrong shape or dtype is a failing verdict with a reason, not an exception.
struct NumericVerdict {
  bool passed = false;
  Tier tier = Tier::logic;
  std::string against;  ///< "oracle", or the id of the other implementation
  std::string reason;   ///< why it failed, in one line; empty when it passed
  std::vector<TensorVerdict> tensors;
  bool operator==(const NumericVerdict&) const = default;
};

/// The tensor that a failing verdict is about (the first that failed), or of a passing one the nearest to its limit;
/// nullptr when no tensor was compared.
const TensorVerdict* most_telling(const NumericVerdict& verdict);

/// Rewrites row numbers of a verdict on chosen rows: row i of the judged tensors was row `rows[i]` of the sequence.
void number_rows(NumericVerdict& verdict, std::span<const std::int64_t> rows);

}  // namespace ringattn
