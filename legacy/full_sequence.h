#pragma once

#include "attention/interface.h"
#include "legacy/plain.h"

#include <functional>

namespace ringattn::legacy {

/// The intended O(n) path: a rank is given all queries and its contiguous ⌈n/k⌉ rows of K and V; it gathers K and V to
/// n rows and computes the full sequence, as every other rank does. Fewer key than query heads are repeated to H heads
/// first, which then travel, as the old classes knew no groups. Returns no lse.
class GatheredAttention : public Attention {
 public:
  using Compute = std::function<at::Tensor(const FullInputs&)>;
  GatheredAttention(AttentionFunction function, Compute compute);

 private:
  Positions do_query_positions(int rank, int world_size) const override;
  Positions do_key_positions(int rank, int world_size) const override;
  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override;

  Compute compute_;
};

/// A class as it was released: every rank is given the full inputs and returns the full sequence, of which its own rows
/// count (the others are NaN where the class returned none); what happens between
/// is the class's own affair, LegacyRaises included. function() is the function that was intended. Returns no lse.
class ShippedAttention : public Attention {
 public:
  using Compute = std::function<at::Tensor(Communicator&, const FullInputs&)>;
  ShippedAttention(AttentionFunction intended, Compute compute);

 private:
  Positions do_query_positions(int rank, int world_size) const override;
  Positions do_key_positions(int rank, int world_size) const override;
  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override;

  Compute compute_;
};

}  // namespace ringattn::legacy
