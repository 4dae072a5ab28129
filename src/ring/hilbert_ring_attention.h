#pragma once

#include "ring/standard_ring_attention.h"

#include <cstdint>
#include <string>

namespace ringattn {

/// The configuration with use_hilbert set.
RingAttentionConfig along_curve(RingAttentionConfig config);

/// StandardRingAttention whose rows may lie along a Hilbert curve: use_hilbert is set. Results are those of
/// StandardRingAttention with the same configuration, masks and causality by position; where the pattern's order is
/// "hilbert", dilation and blocks count places of the curve, in both alike. With `layout: auto` rows lie along the
/// curve where blocks are left out and that is cheaper; `layout: hilbert` asks for it. A segment of more than
/// 4^hilbert_curve_level rows has several curves, one below hilbert_min_segment_size none.
/// Cost: that of the layout (plan/cost.h). Without block sparsity the curve saves nothing, and `gain` says so.
class HilbertRingAttention final : public StandardRingAttention {
 public:
  /// As StandardRingAttention's; UsageError also for a hilbert_curve_level outside 1 … 16.
  HilbertRingAttention(RingAttentionConfig config, Communicator& communicator);

  /// What the curve gains for such a sequence, or that it gains nothing, in words (curve_remark).
  std::string gain(std::int64_t seq_len, std::int64_t heads, bool is_causal = false) const;

 private:
  std::string do_name() const override { return "hilbert"; }
};

}  // namespace ringattn
