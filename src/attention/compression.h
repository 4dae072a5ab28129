#pragma once

#include <cmath>

namespace ringattn {

/// What rounding travelling derivatives to bf16 took away, over all that were sent: √(Σ (x - bf16(x))² / Σ x²).
struct CompressionError {
  double error_squares = 0.0;
  double value_squares = 0.0;
  double relative() const { return value_squares == 0.0 ? 0.0 : std::sqrt(error_squares / value_squares); }
};

}  // namespace ringattn
