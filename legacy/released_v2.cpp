#include "legacy/merges.h"
#include "legacy/raises.h"
#include "legacy/released_rings.h"
#include "legacy/released_support.h"
#include "legacy/ring_pass.h"
#include "legacy/semantics.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>

namespace ringattn::legacy {
namespace {

/// In one process ring_size may be anything; on several ranks it is cut to their number.
std::int64_t usable_ring_size(const ReleasedArguments& arguments, const Communicator& communicator) {
  const std::int64_t ring_size = ring_size_or_world(arguments, communicator);
  return communicator.world_size() == 1 ? ring_size : std::min<std::int64_t>(ring_size, communicator.world_size());
}

[[noreturn]] void raise_division_by_zero() {
  throw LegacyRaises("ZeroDivisionError", "integer division or modulo by zero");
}

at::Tensor dilated_keys_of(const FullInputs& inputs, const ReleasedArguments& arguments, OffsetForm form,
                           bool is_causal) {
  if (inputs.seq_len() == 0) raise_division_by_zero();
  const auto parts = pair_parts(recorded_pairs(arguments), inputs.heads(), GroupRule::last_larger);
  return keys_by_segment(inputs, parts, is_causal, form);
}

/// V2 in one process: whole, or each chunk of ⌊n/R⌋ rows alone; what remains stays 0.
at::Tensor one_process(const FullInputs& inputs, const ReleasedArguments& arguments, std::int64_t ring_size,
                       OffsetForm form) {
  if (ring_size == 1) return dilated_keys_of(inputs, arguments, form, arguments.is_causal);
  const std::int64_t rows = inputs.seq_len() / ring_size;
  at::Tensor out = at::zeros_like(inputs.query);
  for (std::int64_t c = 0; c < ring_size; ++c) {
    const FullInputs chunk = rows_of(inputs, c * rows, rows);
    out.narrow(1, c * rows, rows).copy_(dilated_keys_of(chunk, arguments, form, arguments.is_causal));
  }
  return out;
}

[[noreturn]] void raise_no_sendrecv() {
  throw LegacyRaises("AttributeError", "module 'torch.distributed' has no attribute 'sendrecv'");
}

at::Tensor ring_v2_with(const Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments,
                        OffsetForm form) {
  const std::int64_t ring_size = usable_ring_size(arguments, communicator);
  if (communicator.world_size() > 1 && ring_size > 1) raise_no_sendrecv();
  return one_process(inputs, arguments, ring_size, form);
}

/// One step of a causal or full online softmax: `query` against the chunk that begins at `first`.
void add_chunk(OnlineSoftmax& softmax, const at::Tensor& query, const RingStep& now, std::int64_t first,
               bool is_causal) {
  const at::Tensor &key = now.tensors[0], &value = now.tensors[1];
  const at::Tensor visible = chunk_visible(is_causal, query.size(1), key.size(1), first, query.device());
  softmax.add(masked_scores(query, key, visible), value);
}

}  // namespace

at::Tensor ring_v2(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments) {
  return ring_v2_with(communicator, inputs, arguments, OffsetForm::reduced);
}

at::Tensor ring_v2_unreduced(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments) {
  return ring_v2_with(communicator, inputs, arguments, OffsetForm::unreduced);
}

at::Tensor ring_v2_full(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments) {
  const std::int64_t ring_size = usable_ring_size(arguments, communicator);
  if (ring_size == 1) return attention_mixer(arguments.is_causal)(inputs);
  if (communicator.world_size() > 1) raise_no_sendrecv();
  ReleasedArguments simulated = arguments;
  simulated.call = {{"ring_size", ring_size}};
  return ring_correct_v2(communicator, inputs, simulated);
}

at::Tensor ring_v2_corrected(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments) {
  const std::int64_t ring_size = usable_ring_size(arguments, communicator);
  if (communicator.world_size() == 1 || ring_size == 1)
    return one_process(inputs, arguments, ring_size, OffsetForm::reduced);
  if (communicator.rank() >= ring_size)
    wait_for_ever(communicator, arguments);  // nobody sends to ranks outside the ring
  const Chunks chunks{inputs.seq_len(), ring_size};
  const auto own = [&](const at::Tensor& whole) { return padded_chunk(whole, chunks, communicator.rank()); };
  OnlineSoftmax softmax;
  ring_pass(communicator, {own(inputs.key), own(inputs.value)}, {.ring_size = ring_size, .reuses_buffer = true},
            [&](const RingStep& now) {
              add_chunk(softmax, inputs.query, now, now.source * chunks.size(), arguments.is_causal);
            });
  return softmax.result();
}

at::Tensor ring_v2_fixed(Communicator& communicator, const FullInputs& inputs, const ReleasedArguments& arguments) {
  const std::int64_t ring_size = usable_ring_size(arguments, communicator);
  if (communicator.world_size() == 1 || ring_size == 1)
    return one_process(inputs, arguments, ring_size, OffsetForm::reduced);
  assert_divisible(inputs.seq_len(), ring_size);
  const std::int64_t rows = inputs.seq_len() / ring_size;
  if (communicator.rank() >= ring_size) raise_division_by_zero();  // it has no rows
  const FullInputs local = rows_of(inputs, communicator.rank() * rows, rows);
  const at::Tensor query = dilated_keys_of(local, arguments, OffsetForm::reduced, false);
  if (rows != inputs.heads()) {
    throw LegacyRaises("RuntimeError", "The size of tensor a (" + std::to_string(inputs.heads()) +
                                           ") must match the size of tensor b (" + std::to_string(rows) +
                                           ") at non-singleton dimension 2");
  }
  OnlineSoftmax softmax;
  ring_pass(communicator, {local.key, local.value}, {},
            [&](const RingStep& now) { add_chunk(softmax, query, now, now.source * rows, arguments.is_causal); });
  // (batch, heads, rows, dim) taken for (batch, rows, heads, dim): both are as many.
  return at::cat(all_gather(communicator, softmax.result().transpose(1, 2)), 1);
}

}  // namespace ringattn::legacy
