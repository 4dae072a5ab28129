#pragma once

#include "attention/inputs.h"
#include "ring/ring_attention.h"

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace ringattn {

/// What the inputs add to a plan to make it bytes.
struct PriceShape {
  std::int64_t batch = 1;
  std::int64_t head_dim = 64;
  at::ScalarType dtype = at::kFloat;
  std::int64_t mask_batch = 0;  ///< batch indices of the mask; 0: there is none
  std::int64_t mask_bytes = 1;  ///< of one of its elements
  at::Device device = at::kCPU;
};
/// The shape of these inputs.
PriceShape price_shape(const RankInputs& inputs);
PriceShape price_shape(const InputSource& inputs, at::ScalarType dtype);
/// What of it the plan's price needs.
CostShape cost_shape(const PriceShape& shape, const AttentionFunction& function);

/// Rows that lie irregularly are packed for a tile: queries of its heads, K and V of its key heads, and the keys' mask.
/// A GPU is told their numbers.
std::int64_t packed_bytes(const PlanTile& tile, const CostShape& shape, const AttentionFunction& function,
                          const at::Device& device);

/// The price of a rank's peak bytes above its inputs:
///   one tile over everything:  the kernel call's own
///   else:  state + max(buffer 0 + buffer 1 + largest tile, result in another dtype)
///   a tile: its packed rows, where they are no progression, and the largest kernel call with its bias.
///   GPU:  what StateBook says is alive beside each call and its partial; state is then the peak less the other two.
/// Everything but the kernel call comes from the plan alone.
struct PeakPrice {
  std::int64_t state_bytes = 0;
  std::int64_t buffer_bytes = 0;
  std::int64_t kernel_bytes = 0;
  std::int64_t result_bytes = 0;
  std::int64_t peak_bytes() const;
};

/// Runs one lone call of each distinct size in the rank's plan; call it on the rank's own thread, outside any meter.
PeakPrice price_peak(RingAttention& attention, int rank, const PriceShape& shape);

}  // namespace ringattn
