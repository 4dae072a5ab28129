#pragma once

#include "legacy/intended.h"
#include "legacy/plain.h"

#include <cstdint>

namespace ringattn::legacy {

/// Rows first, first + step, … below end.
struct RowRange {
  std::int64_t first = 0, end = 0, step = 1;
};

/// What a caller's causality, window, documents, mask, scale and dropout do to one call of attend(): these heads of
/// these queries over these keys. Tensors that nothing asks for stay undefined.
AttendOptions attend_options(const FullInputs& inputs, const IntendedArguments& arguments, const HeadGroup& heads,
                             const RowRange& queries, const RowRange& keys);

}  // namespace ringattn::legacy
