#include "legacy/class_trial.h"

#include "legacy/identify_candidates.h"
#include "legacy/identify_variants.h"
#include "legacy/released_replay.h"

#include <ATen/ATen.h>

#include <exception>

namespace ringattn::legacy {
namespace {

/// The arguments that say how many heads there are.
void set_heads(Json& arguments, std::int64_t heads) {
  for (const char* name : {"heads", "num_heads"})
    if (arguments.contains(name)) arguments[name] = heads;
}

/// Arguments that took the place of a list of one.
void set_single(Json& constructor, const Pair& first) {
  constructor.emplace("segment_size", first.segment_length);
  constructor.emplace("dilation_rate", first.dilation_rate);
}

}  // namespace

ClassTrial::ClassTrial(Communicator& alone, const UserRecording& recording, std::int64_t first_head, std::int64_t count)
    : alone_(alone) {
  for (const char* name : {"query", "key", "value"})  // weights, if there are some, belong to classes with projections
    inputs_.emplace(name, recording.inputs.at(name).narrow(0, 0, 1).narrow(2, first_head, count).contiguous());
}

at::Tensor ClassTrial::out(const TrialClass& subject, bool is_causal, const std::vector<Pair>& list) const {
  ReleasedArguments arguments = subject.arguments;
  arguments.is_causal = is_causal;
  for (const Pair& pair : list) {
    arguments.segment_lengths.push_back(pair.segment_length);
    arguments.dilation_rates.push_back(pair.dilation_rate);
  }
  set_single(arguments.constructor, list.front());
  TensorsByName inputs;
  for (const auto& [name, tensor] : inputs_) inputs.emplace(name, tensor.clone());  // classes may write into them
  const at::Tensor& query = inputs_.at("query");
  try {
    const at::Tensor out = run_released(*subject.released, alone_, ReleasedInputs(inputs), arguments);
    return out.defined() && out.sizes() == query.sizes() ? out.contiguous() : at::Tensor();
  } catch (const std::exception&) {
    return {};  // it raised: these lists are not its own
  }
}

std::vector<TrialClass> trial_classes(const UserRecording& recording, const OldCall& known, bool one_head) {
  std::vector<TrialClass> subjects;
  OldCall call = known;
  call.segment_lengths.reset();
  call.dilation_rates.reset();
  for (const auto& ring_size : possible_ring_sizes(known.ring_size, 1)) {
    call.ring_size = ring_size;
    for (const CatalogueEntry& entry : catalogue()) {
      const ReleasedEntry* released = find_released(entry.name);
      if (entry.takes != Takes::qkv || only_raises(entry) || released == nullptr || released->run == nullptr) continue;
      const Recording called = called_as(entry, recording, call, 1, false);
      for (const CallVariant& variant : given_variants(entry, called, recording)) {
        TrialClass subject{&entry, released, released_arguments(variant.called)};
        if (one_head) set_heads(subject.arguments.constructor, 1);
        subjects.push_back(std::move(subject));
      }
    }
  }
  return subjects;
}

}  // namespace ringattn::legacy
