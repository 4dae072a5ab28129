#pragma once

#include "attention/interface.h"
#include "ring/ring_attention.h"

#include <functional>
#include <utility>

namespace ringattn::test {

/// What a defective ring does before it runs; where it fills the result in, it ran itself.
using Deed = std::function<void(Communicator&, const RankInputs&, Partial&)>;

/// The ring, and one thing more that it should not do.
class Defective final : public Attention {
 public:
  Defective(RingAttention& ring, Deed deed) : Attention(ring.function()), ring_(ring), deed_(std::move(deed)) {}

 private:
  Positions do_query_positions(int rank, int world_size) const override {
    return ring_.query_positions(rank, world_size);
  }
  Positions do_key_positions(int rank, int world_size) const override { return ring_.key_positions(rank, world_size); }
  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override {
    Partial result;
    deed_(communicator, inputs, result);
    if (!result.out.defined()) result = ring_.forward(communicator, inputs);
    return result;
  }

  RingAttention& ring_;
  Deed deed_;
};

}  // namespace ringattn::test
