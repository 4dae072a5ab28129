#include "legacy/local_ring.h"
#include "legacy/released_hybrid.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

// V3 (@36c40da) and SDPA: both work on the first rows of a rank's sequence only, once for each pair, with all heads,
// and average over the pairs that fit. They differ in how many rows r > 1 takes, and in how chunks are merged.

namespace ringattn::legacy {
namespace {

/// Where a pair looks: the first w rows, or for r > 1 rows 0, r, 2r, … of the `strided` there are, w of them at most.
at::Tensor first_block(const Pair& pair, std::int64_t strided, at::Device device) {
  const std::int64_t w = pair.segment_length;
  const std::int64_t rows = pair.dilation_rate == 1 ? w : std::min(w, strided);
  return at::arange(rows, at::TensorOptions(at::kLong).device(device)).mul_(pair.dilation_rate);
}

using StridedRows = std::int64_t (*)(std::int64_t rows, std::int64_t r);

std::int64_t all_strided(std::int64_t rows, std::int64_t r) { return (rows + r - 1) / r; }
std::int64_t whole_strided(std::int64_t rows, std::int64_t r) { return rows / r; }

/// The mean over the pairs with w <= rows of attention on their rows, 0 elsewhere; 0 without such a pair.
at::Tensor mean_of_first_blocks(const FullInputs& inputs, const std::vector<Pair>& pairs, StridedRows strided,
                                const LocalAttention& attention) {
  std::vector<at::Tensor> kept;
  for (const Pair& pair : pairs) {
    if (pair.segment_length > inputs.seq_len()) continue;
    const at::Tensor index = first_block(pair, strided(inputs.seq_len(), pair.dilation_rate), inputs.query.device());
    kept.push_back(at::zeros_like(inputs.query).index_copy_(1, index, attention(rows_of(inputs, index))));
  }
  if (kept.empty()) return at::zeros_like(inputs.query);
  return kept.size() == 1 ? kept.front() : at::stack(kept).mean(0);
}

at::Tensor mean_of_chunks(Communicator& communicator, const FullInputs& block, bool is_causal) {
  at::Tensor sum = at::zeros_like(block.query);
  ring_of_local(communicator, block, [&](const RingStep& step) {
    if (is_causal && step.source > communicator.rank()) return;
    sum.add_(library_attention({block.query, step.tensors[0], step.tensors[1]},
                               is_causal && step.source == communicator.rank()));
  });
  return sum.div_(communicator.world_size());
}

}  // namespace

at::Tensor released_v3(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  const auto attention = [&](const FullInputs& block) {
    if (communicator.world_size() == 1) return attention_mixer(arguments.is_causal)(block);
    const MixedUpSoftmax state = mixed_up_softmax(communicator, block, arguments.is_causal);
    return (state.weighted / state.lse.clamp_min(1e-6)).transpose(1, 2);
  };
  return projected(
      communicator, inputs, arguments,
      [&](const FullInputs& local) { return mean_of_first_blocks(local, pairs_of(arguments), all_strided, attention); },
      true);
}

at::Tensor released_sdpa(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  const auto attention = [&](const FullInputs& block) {
    if (communicator.world_size() == 1) return library_attention(block, arguments.is_causal);
    return mean_of_chunks(communicator, block, arguments.is_causal);
  };
  return projected(communicator, inputs, arguments, [&](const FullInputs& local) {
    return mean_of_first_blocks(local, pairs_of(arguments), whole_strided, attention);
  });
}

}  // namespace ringattn::legacy
