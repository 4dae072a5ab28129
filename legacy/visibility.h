#pragma once

#include "legacy/intended.h"
#include "legacy/plain.h"

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ringattn::legacy {

/// Rows of the sequence: first, first + step, … below end, or those listed.
struct Rows {
  std::int64_t first = 0, end = 0, step = 1;
  at::Tensor list{};  ///< (rows) int64; undefined: the progression
  bool empty() const;
};

/// These rows of dimension `dim`: a view of a progression, a copy of a list.
at::Tensor rows_of(const at::Tensor& tensor, const Rows& rows, std::int64_t dim = 1);

/// What a caller's causality, window, documents, mask, scale and dropout do to one call of attend(): these heads of
/// these queries over these keys. Tensors that nothing asks for stay undefined.
AttendOptions attend_options(const FullInputs& inputs, const IntendedArguments& arguments, const HeadGroup& heads,
                             const Rows& queries, const Rows& keys);

}  // namespace ringattn::legacy
