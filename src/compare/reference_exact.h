#pragma once

#include "attention/module_inputs.h"
#include "attention/oracle_gradient.h"
#include "compare/bound.h"
#include "compare/reference_formula.h"

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <vector>

namespace ringattn {

/// What the oracle says, and how far rounding may move it.
struct Exact {
  Partial oracle;
  RowSensitivity sensitivity;  ///< undefined with dropout behind projections
};

/// How large the numbers of one function can get: the scores with its own scale and mask, the weights with dropout.
InputMagnitude magnitude_of(const FormulaInputs& in, const at::Tensor& all_queries);

/// The oracle, and from three more value columns in the same pass how its rows react to rounding. With dropout, whose
/// factors those columns would get too, they take a second pass without it; out may then move 1 / (1 - p) times as far.
Exact evaluate_exactly(const FormulaInputs& in);

/// The same with projections around the attention: fp64 projections of x in `dtype`, the oracle, the fp64 output
/// projection. `in` holds query, key and value as `inputs.exact_rows` gives them.
Exact evaluate_exactly(const FormulaInputs& in, const ProjectedInputs& inputs, at::ScalarType dtype);

/// The oracle's gradients, with the sensitivity of their rows. grad_out: (batch, rows, heads, dim); dk and dv are those
/// of `key_rows`, positions, ascending.
OracleGradient evaluate_gradient_exactly(const FormulaInputs& in, const at::Tensor& grad_out,
                                         const std::vector<std::int64_t>& key_rows);

/// How large x and the layers are. `in` as above, `all_queries` too.
ProjectionMagnitude projection_magnitude_of(const FormulaInputs& in, const at::Tensor& all_queries,
                                            const ProjectedInputs& inputs, at::ScalarType dtype);

}  // namespace ringattn
