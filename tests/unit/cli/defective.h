#pragma once

#include "attention/interface.h"
#include "ring/ring_attention.h"

#include <ATen/ATen.h>

#include <cstddef>
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

/// The deed, in a world of that size alone.
inline Deed only_in(int world_size, Deed deed) {
  return [world_size, deed = std::move(deed)](Communicator& c, const RankInputs& inputs, Partial& result) {
    if (c.world_size() == world_size) deed(c, inputs, result);
  };
}

/// Rank 0 allocates one byte that lives while the ring runs.
inline Deed one_byte_more(RingAttention& ring) {
  return [&ring](Communicator& c, const RankInputs& inputs, Partial& result) {
    if (c.rank() != 0) return;
    const at::Tensor byte = at::empty({1}, at::kByte);
    result = ring.forward(c, inputs);
  };
}

/// Rank 0 of two sends rank 1 one message of one byte.
inline Deed one_message_more(RingAttention& /*ring*/) {
  return [](Communicator& c, const RankInputs&, Partial&) {
    std::byte byte{};
    const Message message{.peer = 1 - c.rank(), .blocks = {{&byte, 1, 1, 1}}};
    Exchange exchange{.hop = 0, .sends = {}, .receives = {}};
    (c.rank() == 0 ? exchange.sends : exchange.receives).push_back(message);
    const Ticket ticket = c.post(std::move(exchange));
    c.wait_received(ticket);
    c.wait_sent(ticket);
  };
}

/// One element of rank 1's result is off by 0.01.
inline Deed one_wrong_value(RingAttention& ring) {
  return [&ring](Communicator& c, const RankInputs& inputs, Partial& result) {
    result = ring.forward(c, inputs);
    if (c.rank() == 1) result.out[0][3][1][2] += 0.01;
  };
}

/// Every rank holds a tensor of as many rows as the sequence while the ring runs.
inline Deed whole_sequence_kept(RingAttention& ring) {
  return [&ring](Communicator& c, const RankInputs& inputs, Partial& result) {
    const AttentionFunction& f = ring.function();
    const at::Tensor all = at::empty({f.seq_len, f.heads, inputs.query.size(3)});
    result = ring.forward(c, inputs);
  };
}

}  // namespace ringattn::test
