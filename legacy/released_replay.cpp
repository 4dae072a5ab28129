#include "legacy/released_replay.h"

#include "legacy/gradients.h"

namespace ringattn::legacy {

ReleasedArguments released_arguments(const Recording& recording) {
  return {.segment_lengths = recording.segment_lengths,
          .dilation_rates = recording.dilation_rates,
          .is_causal = recording.is_causal,
          .ring_size = recording.ring_size,
          .constructor = recording.constructor,
          .call = recording.call,
          .is_patched = !recording.patched.empty(),
          .patched = recording.patched,
          .chunk_sequence = recording.chunk_sequence,
          .is_presplit = recording.is_presplit,
          .commit = recording.commit,
          .file = recording.file};
}

ReplaySubject released_subject(const Recording& recording) {
  const ReleasedEntry* entry = find_released(recording.alias);
  if (entry == nullptr) return {{}, "there is no class with the alias \"" + recording.alias + "\""};
  if (entry->run == nullptr) return {{}, std::string(entry->refused)};
  const auto run = [entry, arguments = released_arguments(recording)](Communicator& communicator,
                                                                      const TensorsByName& inputs) {
    return run_released(*entry, communicator, ReleasedInputs(inputs), arguments);
  };
  const auto gradients = [entry, arguments = released_arguments(recording)](
                             Communicator& communicator, const TensorsByName& inputs, const at::Tensor& grad_out) {
    return released_gradients(*entry, communicator, ReleasedInputs(inputs), arguments, grad_out).tensors();
  };
  return {run, {}, gradients};
}

}  // namespace ringattn::legacy
