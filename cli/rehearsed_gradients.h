#pragma once

#include "attention/inputs.h"
#include "compare/verdict.h"
#include "measure/rehearsal.h"

#include <cstdint>
#include <vector>

namespace ringattn {

/// What one rehearsed rank says of gradients: dq at judged rows, dk and dv at its own keys from its own queries alone.
struct RankGradients {
  std::vector<std::int64_t> rows, key_rows;  ///< positions, ascending
  Gradients gradients;
};

/// `judged`: positions of the rows of all rehearsed ranks that are judged, ascending.
RankGradients rank_gradients(const Rehearsal::Metered& run, const std::vector<std::int64_t>& judged);

/// Against the oracle restricted to the rank's own judged queries, grad_out being 0 in all others. Row numbers are
/// positions. A rank without judged queries passes.
NumericVerdict judge_rank_gradients(const RankGradients& own, const AttentionFunction& function,
                                    const InputSource& inputs, at::ScalarType dtype);

/// Adds the tensors of another verdict; of those of one name the worse is kept.
void keep_worse(NumericVerdict& kept, NumericVerdict other);

}  // namespace ringattn
