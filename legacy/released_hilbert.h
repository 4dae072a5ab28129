#pragma once

#include "config/axes.h"
#include "legacy/released.h"

#include <ATen/core/Tensor.h>

#include <vector>

// The released classes of hilbert_classes(), one function each; what each computed, and its defects, stand in the files
// that define them. All take what ReleasedClass takes. Facts: recordings of the original Python, and its sources
// (github.com/DarcStar-Solutions-Tech/dilated-attention-pytorch, commits as the table names them).

namespace ringattn::legacy {

#define RINGATTN_RELEASED(name) \
  at::Tensor name(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments)

// released_hilbert_spans.cpp: one x, spans and residue classes
RINGATTN_RELEASED(hilbert_core);
RINGATTN_RELEASED(hilbert_optimized_correct);
RINGATTN_RELEASED(hilbert_proper);
// released_hilbert_dense.cpp
RINGATTN_RELEASED(hilbert_optimized_fixed_v2);
// released_hilbert_keys.cpp: every query, strided keys of the reordered segment
RINGATTN_RELEASED(hilbert_optimized_fixed);
RINGATTN_RELEASED(hilbert_optimized_fixed_global);
RINGATTN_RELEASED(hilbert_optimized_fixed_b);
RINGATTN_RELEASED(hilbert_attention_final);
// released_hilbert_hybrid.cpp: rows of a segment, whole queries on every rank
RINGATTN_RELEASED(hybrid_base);
RINGATTN_RELEASED(hybrid_hilbert_36bbb90);
RINGATTN_RELEASED(hybrid_hilbert_6516258);
RINGATTN_RELEASED(hybrid_hilbert_averaged);
RINGATTN_RELEASED(hilbert_v2);
RINGATTN_RELEASED(hilbert_optimized);
RINGATTN_RELEASED(hilbert_optimized_proper);
RINGATTN_RELEASED(hilbert_fixed);
// released_hilbert_kernels.cpp: what GPU kernels computed, as their interpreter on a CPU showed
RINGATTN_RELEASED(hilbert_attention_core);
RINGATTN_RELEASED(hilbert_attention_core_fixed_kernel);
RINGATTN_RELEASED(hilbert_triton_wrapper);
RINGATTN_RELEASED(hilbert_triton_v2);
RINGATTN_RELEASED(hilbert_triton_v3);
RINGATTN_RELEASED(hilbert_core_fixed);
// released_hilbert_raises.cpp: classes that never returned anything
RINGATTN_RELEASED(hilbert_optimized_fixed_a);
RINGATTN_RELEASED(hilbert_refactored);
RINGATTN_RELEASED(hilbert_triton_v1);
RINGATTN_RELEASED(hilbert_cuda_file);
RINGATTN_RELEASED(ring_hilbert);

#undef RINGATTN_RELEASED

/// Arguments that a class took either itself or in the dictionary `config`, which then wins.
Json settings_of(const ReleasedArguments& arguments);
/// The pairs, or (2048, 1), (4096, 2), (8192, 4) where both lists are empty. AssertionError for lists of two lengths.
std::vector<Pair> pairs_or_default(const ReleasedArguments& arguments);
/// The same without a default.
std::vector<Pair> paired(const ReleasedArguments& arguments);
/// For modules without biases: the weights alone, though the recorded set of inputs may hold biases for others.
ReleasedInputs without_biases(const ReleasedInputs& inputs);

}  // namespace ringattn::legacy
