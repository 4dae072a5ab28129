#include "legacy/released_rings.h"
#include "legacy/semantics.h"

#include <ATen/ATen.h>

namespace ringattn::legacy {
namespace {

at::Tensor validated(const FullInputs& inputs, const ReleasedArguments& arguments, const Mixer& mixer) {
  const std::vector<Pair> pairs = recorded_pairs(arguments);
  require_divisible(inputs, pairs);
  const auto parts = pair_parts(pairs, inputs.heads(), GroupRule::first_larger);
  return co_indexed(inputs, parts, mixer).div_(static_cast<double>(pairs.size()));
}

/// Divided by its own sum over rows: per batch index, head and feature.
at::Tensor share_of_sum(const at::Tensor& rows) { return rows / rows.sum(1, true); }

}  // namespace

at::Tensor base(Communicator&, const FullInputs& inputs, const ReleasedArguments& arguments) {
  return validated(inputs, arguments, attention_mixer(arguments.is_causal));
}

at::Tensor improved(Communicator&, const FullInputs& inputs, const ReleasedArguments& arguments) {
  return validated(inputs, arguments, head_mixer(arguments.is_causal));
}

at::Tensor base_old(Communicator&, const FullInputs& inputs, const ReleasedArguments& arguments) {
  const auto parts = pair_parts(recorded_pairs(arguments), inputs.heads(), GroupRule::first_larger);
  at::Tensor out = at::zeros_like(inputs.query);
  for (const PairPart& pair : parts) {
    const HeadGroup heads{pair.index * pair.heads.count, pair.heads.count};  // no running sum of the counts
    const FullInputs group = heads_of(inputs, heads);
    require_whole_segments(group, pair.segment_length);
    if (pair.heads.count == 0 || pair.offset() >= pair.segment_length) continue;
    PairPart whole = pair;
    whole.heads = {0, heads.count};
    const at::Tensor attended = co_indexed(group, {whole}, attention_mixer(arguments.is_causal));
    out.narrow(2, heads.first, heads.count).add_(share_of_sum(attended));
  }
  return out.div_(static_cast<double>(parts.size()));
}

}  // namespace ringattn::legacy
