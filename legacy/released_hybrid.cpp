#include "legacy/released_hybrid.h"

#include <array>

namespace ringattn::legacy {
namespace {

constexpr std::array entries{
    ReleasedEntry{"v3", released_v3},
    ReleasedEntry{"v3a", released_v3a},
    ReleasedEntry{"v3b", released_v3b},
    ReleasedEntry{"v3b_mha", released_v3b_multihead},
    ReleasedEntry{"sdpa", released_sdpa},
    ReleasedEntry{"memory_efficient", released_memory_efficient},
    ReleasedEntry{"fixed_simple", released_fixed_simple},
    ReleasedEntry{"correct", released_correct},
    ReleasedEntry{"correct_wrapper", released_correct_wrapper},
    ReleasedEntry{"fixed", released_fixed},
    ReleasedEntry{"fixed_1", released_fixed_first},
    ReleasedEntry{"production", released_production},
    ReleasedEntry{"production_fixed", released_production_fixed},
    ReleasedEntry{"true", released_true},
    ReleasedEntry{"true_mha", released_true_multihead},
    ReleasedEntry{"refactored", released_refactored},
    ReleasedEntry{"hybrid", released_hybrid},
    ReleasedEntry{"hybrid_a", released_first_hybrid},
    ReleasedEntry{"hybrid_mha", released_first_hybrid_multihead},
    ReleasedEntry{"hybrid_7b", released_hybrid_7b},
    ReleasedEntry{"hybrid_fixed", released_hybrid_fixed},
    ReleasedEntry{"hybrid_fixed_w", released_hybrid_wrapper},
    ReleasedEntry{"hybrid_opt", released_hybrid_optimized},
    ReleasedEntry{"hybrid_opt_v2", released_hybrid_optimized_v2},
    ReleasedEntry{"hybrid_opt_v2_ref", released_hybrid_optimized_v2_refactored},
    ReleasedEntry{"simple_triton", released_simple_triton},
    ReleasedEntry{"triton_opt", released_triton_optimized},
    ReleasedEntry{"triton_integrated", released_triton_integrated},
    ReleasedEntry{"triton_kernel", released_triton_kernel},
    ReleasedEntry{"head_parallel", released_head_parallel},
    ReleasedEntry{"head_parallel_mha", released_head_parallel_multihead},
    ReleasedEntry{"head_parallel_opt", released_head_parallel_optimized},
    ReleasedEntry{"ring_dist", released_ring_distributed},
};

}  // namespace

std::span<const ReleasedEntry> hybrid_classes() { return entries; }

}  // namespace ringattn::legacy
