#include "legacy/local_ring.h"
#include "legacy/released_hybrid.h"

#include <ATen/ATen.h>

// MemoryEfficient and FixedSimple: full attention over all rows, segments unused, with two wrong merges of the chunks.

namespace ringattn::legacy {

at::Tensor released_memory_efficient(Communicator& communicator, const ReleasedInputs& inputs,
                                     const ReleasedArguments& arguments) {
  return projected(communicator, inputs, arguments, [&](const FullInputs& local) {
    if (communicator.world_size() == 1) return attention_mixer(arguments.is_causal)(local);
    const MixedUpSoftmax state = mixed_up_softmax(communicator, local, arguments.is_causal);
    return (state.weighted / state.lse.exp().clamp_min(1e-6)).transpose(1, 2);
  });
}

at::Tensor released_fixed_simple(Communicator& communicator, const ReleasedInputs& inputs,
                                 const ReleasedArguments& arguments) {
  return projected(communicator, inputs, arguments, [&](const FullInputs& local) {
    const Mixer mixer = attention_mixer(false);
    if (communicator.world_size() == 1) return mixer(local);
    at::Tensor sum = at::zeros_like(local.query);
    ring_of_local(communicator, local, [&](const RingStep& step) {
      sum.add_(mixer({local.query, step.tensors[0], step.tensors[1]}));
    });
    return sum.div_(static_cast<double>(communicator.world_size()) + 1e-8);  // each softmax adds up to 1
  });
}

}  // namespace ringattn::legacy
