#pragma once

#include "attention/interface.h"
#include "comm/communicator.h"

#include <string>

namespace ringattn {

/// Holds one rank's dq, dk and dv of a call against the oracle's, row by row: an element may differ by
///   c · u · (sensitivity + |oracle|),  u the unit roundoff of the inputs' type, c = 64, or 16 below fp32
/// (GradientSensitivity, attention/oracle_gradient.h). Throws RuntimeFailure that names the tensor, the position and
/// the two numbers. Collective: the rows of all ranks are gathered on each, so that it takes O(n) memory and the
/// oracle's time; for development. Above 2e10 operations of the oracle dq of 32 of the rank's rows is held against it,
/// and dk and dv must be finite. Returns what was checked: "all rows", "32 rows of dq".
std::string check_gradients(const Attention& attention, Communicator& communicator, const RankInputs& inputs,
                            const at::Tensor& grad_out, const Gradients& gradients);

}  // namespace ringattn
