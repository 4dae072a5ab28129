#pragma once

#include "attention/inputs.h"

#include <ATen/core/Tensor.h>

namespace ringattn {

/// Standard normal numbers (batch 1, bf16) drawn on the first GPU, all n rows of them, which the host would take
/// minutes over for a million tokens. Rows come to lie on the GPU that the asking thread works on.
class DrawnInputs final : public InputSource {
 public:
  DrawnInputs(std::int64_t seq_len, std::int64_t heads, std::int64_t dim, bool has_grad_out);

  const at::Tensor& all(InputTensor which) const;

 private:
  at::Tensor do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const override;
  at::Tensor do_mask(const Positions& positions) const override;

  at::Tensor query_, key_, value_, grad_out_;
};

}  // namespace ringattn
