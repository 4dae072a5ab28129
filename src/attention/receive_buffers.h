#pragma once

#include "attention/key_value.h"
#include "plan/buffers.h"
#include "plan/cost.h"

#include <cstddef>
#include <vector>

namespace ringattn {

/// The regions of a step in a buffer of bytes: all K regions, then all V regions, each (batch, rows, heads, dim) of
/// `type`, then parts of `mask`, the rank's own mask of keys, where there is one. Regions without rows stay undefined.
std::vector<KeyValue> regions_in(const at::Tensor& buffer, const Step& step, const CostShape& shape,
                                 at::ScalarType type, const at::Tensor& mask);

/// The memory on the device that hops receive into, taken and given back as the rule says (plan/buffers.h).
class ReceiveBuffers {
 public:
  ReceiveBuffers(const Plan& plan, const CostShape& shape, at::Device device, const BufferRule& rule);

  /// The regions of step `index`, in the type of `own` and with its mask. Outside the pool they own their memory.
  std::vector<KeyValue> regions(const Step& step, std::size_t index, const KeyValue& own);
  /// Nothing is received any more, and of what was, only the regions of step `index` are read.
  void keep_only(const Step& step, std::size_t index);

 private:
  at::Tensor bytes(std::int64_t count) const;

  CostShape shape_;
  at::Device device_;
  BufferRule rule_;
  std::int64_t sizes_[2];
  at::Tensor buffers_[2];
};

/// Gives memory that LibTorch or the C library holds back in reserve to the system, as far as they can.
void give_memory_back(const at::Device& device);

}  // namespace ringattn
