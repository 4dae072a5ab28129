#pragma once

#include "comm/communicator.h"
#include "legacy/plain.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

// The released classes, defects and refusals included: what each call returned or raised (LegacyRaises), on CPU, in
// evaluation mode. Facts: the recordings in tests/golden, and the catalogue of the released Python code behind them.

namespace ringattn::legacy {

/// The arguments of a released class, apart from device and dtype.
struct ShippedArguments {
  std::vector<Pair> pairs;
  bool is_causal = false;
  std::optional<std::int64_t> ring_size;  ///< none: the world size; in one process, more than 1 simulates a ring
};

/// DilatedAttention @36c40da: one process's result on the full inputs, whatever the world. Wants n % max(w) == 0 and
/// every w | n, and at least as many heads as pairs.
at::Tensor shipped_base(Communicator& communicator, const FullInputs& inputs, const ShippedArguments& arguments);

/// RingDilatedAttentionV2 @ec2a06c: keys gathered by a cyclic index to w slots, causal triangle over slots. ring_size >
/// 1 in one process runs each chunk of ⌊n/R⌋ rows alone; more than one rank raised AttributeError.
at::Tensor shipped_v2(Communicator& communicator, const FullInputs& inputs, const ShippedArguments& arguments);

/// RingDilatedAttentionV2Collective @3ce07ad with use_flash_attention=False. One process: attention over the heads of a
/// group at one position instead of over positions. A ring of R: all_gather of K and V dilated over the whole sequence,
/// rows left in slot order.
at::Tensor shipped_v2_collective(Communicator& communicator, const FullInputs& inputs,
                                 const ShippedArguments& arguments);

/// The checks that DilatedAttention and ImprovedDilatedAttention shared, with their messages.
void require_divisible(const FullInputs& inputs, const std::vector<Pair>& pairs);
/// The reshape to whole segments that raised when w does not divide n.
void require_whole_segments(const FullInputs& inputs, const HeadGroup& group, std::int64_t segment_length);
/// torch.arange(offset, length, r), which raised for offset > length.
void require_range(std::int64_t offset, std::int64_t length);

/// Slot j = 0 … length - 1 holds P[j mod m], P = (offset, offset + r, … < length). P must not be empty.
at::Tensor cyclic_index(std::int64_t offset, std::int64_t length, std::int64_t r, at::Device device);

}  // namespace ringattn::legacy
