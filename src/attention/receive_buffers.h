#pragma once

#include "attention/key_value.h"
#include "plan/cost.h"

#include <cstddef>
#include <vector>

namespace ringattn {

/// Two receive buffers on the device that hops use in turn, allocated once; each is as large as the largest hop that it
/// holds.
class ReceiveBuffers {
 public:
  ReceiveBuffers(const Plan& plan, const CostShape& shape, at::Device device);

  /// The regions of step `index`: all K regions, then all V regions, each (batch, rows, heads, dim) in the type of
  /// `own`, then their masks.
  std::vector<KeyValue> regions(const Step& step, std::size_t index, const KeyValue& own) const;

 private:
  CostShape shape_;
  at::Tensor buffers_[2];
};

}  // namespace ringattn
