#pragma once

#include "compare/definition_mask.h"
#include "compare/reference_formula.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

// What the dense formulas and the library's kernels are called with.

namespace ringattn {

/// One softmax of one head: query (batch, 1, rows, dim), key and value (batch, 1, n, dim).
struct HeadSoftmax {
  at::Tensor query, key, value;
  at::Tensor bias;             ///< fp32 (batch or 1, 1, rows, n): definition and mask, -inf hides
  at::Tensor factor;           ///< (batch, 1, rows, n) fp64: of dropout; undefined: none
  double softmax_scale = 1.0;  ///< of the scores
  double out_scale = 1.0;      ///< of the result

  /// Rows that see no key: bool (batch or 1, 1, rows).
  at::Tensor empty_rows() const;
};

/// Those of one query head, in `arithmetic`; their results add up.
std::vector<HeadSoftmax> softmaxes_of_head(const FormulaInputs& in, std::int64_t head, at::ScalarType arithmetic);

/// Definition and mask together, as HeadSoftmax::bias.
at::Tensor bias_of(const FormulaInputs& in, const DefinitionMask& definition, std::int64_t head);

/// (batch, rows, heads, dim) to one head's (batch, 1, rows, dim).
at::Tensor rows_of_head(const at::Tensor& tensor, std::int64_t head, at::ScalarType arithmetic);

/// The query head's key head.
inline std::int64_t key_head_of(const AttentionFunction& function, std::int64_t head) {
  return head / (function.heads / function.key_heads());
}

}  // namespace ringattn
