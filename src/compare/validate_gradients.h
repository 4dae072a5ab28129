#pragma once

#include "attention/inputs.h"
#include "attention/interface.h"
#include "comm/world.h"
#include "compare/verdict.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ringattn {

struct GradientValidationOptions {
  std::int64_t directions = 3;  ///< in which finite differences are taken
  std::uint64_t seed = 0;       ///< of the directions
  /// The largest step h of the differences, in units of the inputs' own numbers. Their error falls as h⁴ and the
  /// rounding of the loss grows as 1/h; the two meet near (2⁻⁵³)^{1/5} ≈ 6e-4.
  double step = 1e-3;
};

/// One direction d: the derivative of L(x + t·d) at t = 0.
struct DirectionalDerivative {
  double measured = 0.0;   ///< by finite differences of forward
  double foretold = 0.0;   ///< Σ gradient · d, of backward
  double tolerance = 0.0;  ///< of their difference, see validate_gradients
  double error() const;
  bool passed() const { return error() <= tolerance; }
};

/// What the validation took, in calls of the implementation and operations of all.
struct GradientValidationCost {
  std::int64_t forward_calls = 0;
  std::int64_t backward_calls = 0;
  double difference_flops = 0.0;  ///< of the forward calls that the differences took
  double oracle_flops = 0.0;
  std::int64_t time_ns = 0;
};

struct GradientValidation {
  NumericVerdict against_oracle;  ///< dq, dk, dv in the fp64 tier
  std::vector<DirectionalDerivative> directions;
  GradientValidationCost cost;
  bool passed() const;
};

/// Checks backward in fp64, at the inputs' own numbers, with the loss L = Σ grad_out · out:
///   1. dq, dk, dv of every row against the oracle's analytic gradient, at 1e-12 (judge_gradients);
///   2. at random directions d over query, key and value (standard normal numbers), Σ gradient · d against central
///      differences D(h) = (L(x + h·d) - L(x - h·d)) / 2h of forward, extrapolated: R(h) = (4·D(h/2) - D(h)) / 3, whose
///      error falls as h⁴. R(h/2) is what was measured.
/// The tolerance of 2 has no free number: |R(h/2) - R(h)|, some 15 times the error that the step leaves in R(h/2), plus
/// what rounding makes of it: each L errs by δ = 2⁻⁵³ · (8·max|v|·‖grad_out‖₂ + |L|), an element of out by some eight
/// roundings of the largest value and independently of the others, and R(h/2) by at most 6·δ/h.
/// Neither check knows the other's numbers: the second shares no formula with any gradient.
/// Cost: forward and backward once for 1, and 6 forward calls a direction for 2; the oracle's 14·dim FLOP for each
/// (row, head, key). For sequences of a few thousand rows: inputs and gradients are held whole, several times.
/// Collective on `world`. Errors: Unavailable where there is no backward; UsageError for directions < 1 or step <= 0;
/// what ranks throw.
GradientValidation validate_gradients(World& world, Attention& attention, const InputSource& inputs,
                                      const GradientValidationOptions& options = {});

/// What was found and what it took, a line each.
std::string to_string(const GradientValidation& validation);

}  // namespace ringattn
