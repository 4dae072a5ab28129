#pragma once

#include "attention/block_backend.h"
#include "attention/interface.h"

#include <memory>

namespace ringattn {

/// What people migrate from, at its best: each rank gathers all of K and V, O(n), and runs the library's kernel on its
/// own rows; dense, causal or not, contiguous rows. Causal: one call for the rows before its own, one for its own.
class GatheredAttention final : public Attention {
 public:
  explicit GatheredAttention(AttentionFunction function)
      : Attention(std::move(function)), backend_(make_sdpa_backend()) {}

 private:
  Positions do_query_positions(int rank, int world_size) const override;
  Positions do_key_positions(int rank, int world_size) const override;
  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override;
  at::Tensor gathered(Communicator& communicator, const at::Tensor& own) const;

  std::unique_ptr<BlockBackend> backend_;
};

}  // namespace ringattn
