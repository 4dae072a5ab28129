#pragma once

#include "config/json.h"

#include <cstdint>

namespace ringattn {

/// A dense problem (batch 1, heads 16, head_dim 128, bf16) on k ranks, each with a GPU of its own where there are as
/// many.
struct RealCell {
  std::int64_t rows = 0;  ///< tokens a rank
  int ranks = 1;
  bool is_causal = false;
  bool has_backward = false;  ///< forward and backward are timed as one
};

/// Times the ring, all_gather with the library's kernel (forward only), and the library's kernel on one GPU over the
/// whole problem, interleaved in one run, as they are: nothing is rehearsed but the rank whose rehearsal is set beside
/// the measured time (forward only). And the peak bytes of each.
Json time_real_ring(const RealCell& cell, std::int64_t samples);

}  // namespace ringattn
