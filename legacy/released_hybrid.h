#pragma once

#include "legacy/released.h"

#include <type_traits>

// The released classes of hybrid_classes(), one function each; what each computed, and its defects, stand in the files
// that define them.

namespace ringattn::legacy {

using ReleasedFunction = std::remove_pointer_t<ReleasedClass>;

// released_first_block.cpp, released_full_local.cpp
ReleasedFunction released_v3, released_sdpa, released_memory_efficient, released_fixed_simple;
// released_correct.cpp
ReleasedFunction released_correct, released_correct_wrapper;
// released_old_v3.cpp
ReleasedFunction released_v3a, released_v3b, released_v3b_multihead;
// released_fixed.cpp
ReleasedFunction released_fixed, released_fixed_first;
// released_production.cpp
ReleasedFunction released_production, released_production_fixed;
// released_head_mixing.cpp
ReleasedFunction released_true, released_true_multihead, released_hybrid_wrapper;
// released_refactored.cpp
ReleasedFunction released_refactored, released_hybrid_optimized_v2_refactored;
// released_first_hybrid.cpp
ReleasedFunction released_first_hybrid, released_first_hybrid_multihead;
// released_segment_hybrid.cpp
ReleasedFunction released_hybrid, released_hybrid_7b, released_hybrid_fixed;
// released_hybrid_optimized.cpp
ReleasedFunction released_hybrid_optimized, released_hybrid_optimized_v2;
// released_triton.cpp
ReleasedFunction released_simple_triton, released_triton_optimized, released_triton_integrated, released_triton_kernel;
// released_head_parallel.cpp
ReleasedFunction released_head_parallel, released_head_parallel_multihead, released_head_parallel_optimized,
    released_ring_distributed;

}  // namespace ringattn::legacy
