#pragma once

#include "attention/key_value.h"
#include "plan/cost.h"

#include <cstddef>
#include <vector>

namespace ringattn {

/// The regions of a step in a buffer of bytes: all K regions, then all V regions, each (batch, rows, heads, dim) of
/// `type`, then parts of `mask`, the rank's own mask of keys, where there is one. Regions without rows stay undefined.
std::vector<KeyValue> regions_in(const at::Tensor& buffer, const Step& step, const CostShape& shape,
                                 at::ScalarType type, const at::Tensor& mask);

/// Two receive buffers on the device that hops use in turn, allocated once; each is as large as the largest hop that it
/// holds.
class ReceiveBuffers {
 public:
  ReceiveBuffers(const Plan& plan, const CostShape& shape, at::Device device);

  /// The regions of step `index`, in the type of `own` and with its mask.
  std::vector<KeyValue> regions(const Step& step, std::size_t index, const KeyValue& own) const;

 private:
  CostShape shape_;
  at::Tensor buffers_[2];
};

}  // namespace ringattn
