#include "legacy/curves.h"
#include "legacy/hybrid_rows.h"
#include "legacy/raises.h"
#include "legacy/released_hilbert.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>

#include <string>

namespace ringattn::legacy {

// RingDilatedAttentionHilbertOptimizedFixed @3ce07ad asked for the curve of log2(n) levels, which has n² cells.
at::Tensor hilbert_optimized_fixed_a(Communicator&, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  require_patterns(arguments);
  const std::int64_t n = inputs.tensor("query").size(1);
  python_assert(is_power_of_two(n), "Sequence length must be power of 2");
  const at::Tensor cells = hilbert_order(n * n);
  const at::Tensor beyond = cells.masked_select(cells >= n);
  if (beyond.numel() == 0) return inputs.tensor("query");
  throw LegacyRaises("RuntimeError", "index " + std::to_string(beyond[0].item<std::int64_t>()) +
                                         " is out of bounds for dimension 1 with size " + std::to_string(n));
}

// RingDilatedAttentionHilbertRefactored @3ce07ad: its pattern cache is no cache; without it, shapes do not fit even for
// one row and one head; its ring calls a function with an argument that it does not have.
at::Tensor hilbert_refactored(Communicator& communicator, const ReleasedInputs&, const ReleasedArguments& arguments) {
  if (ring_size_when_distributed(arguments, communicator) > 1) {
    throw LegacyRaises("TypeError",
                       "compute_attention_with_lse_optimized() got an unexpected keyword argument 'chunk_idx'");
  }
  if (option<bool>(arguments.constructor, "use_pattern_cache", true)) {
    throw LegacyRaises("AttributeError", "'dict' object has no attribute 'put'");
  }
  throw LegacyRaises("RuntimeError", "Size does not match: expected index to be no larger than self");
}

// HilbertDilatedAttentionTriton @7a6d596, first kernel: a square root of an integer.
at::Tensor hilbert_triton_v1(Communicator&, const ReleasedInputs&, const ReleasedArguments&) {
  throw LegacyRaises("InterpreterError", "ValueError(\"Expected dtype ['fp32', 'fp64'] but got int32\")");
}

// HilbertDilatedAttention @7a6d596 (hilbert_dilated_attention.py): a dictionary registered as a buffer.
at::Tensor hilbert_cuda_file(Communicator&, const ReleasedInputs&, const ReleasedArguments&) {
  throw LegacyRaises("TypeError",
                     "cannot assign 'dict' object to buffer 'hilbert_indices_cache' (torch Tensor or None required)");
}

// HilbertRingDilatedAttention @8f54940 gives its configuration fields that it does not have.
at::Tensor ring_hilbert(Communicator&, const ReleasedInputs&, const ReleasedArguments&) {
  throw LegacyRaises("TypeError", "DilatedAttentionConfig.__init__() got an unexpected keyword argument 'causal'");
}

}  // namespace ringattn::legacy
