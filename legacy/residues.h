#pragma once

#include "legacy/merges.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>

// What the classes named after Triton (@3ce07ad) share, as they ran without it: residue classes mod r, picked by the
// segment's number, and a constant per chunk where a logsumexp belongs.

namespace ringattn::legacy {

/// Those of `all` whose remainder mod r is `residue`.
at::Tensor residue_class(const at::Tensor& all, std::int64_t residue, std::int64_t r);

/// Visits the segments of n rows, the last of which may be short.
void each_segment(std::int64_t n, std::int64_t w,
                  const std::function<void(std::int64_t number, std::int64_t start, std::int64_t length)>& visit);

/// `out` with the same lse for every row and head.
ChunkResult with_constant_lse(const at::Tensor& out, double lse);

}  // namespace ringattn::legacy
