#pragma once

#include "attention/block_backend.h"
#include "attention/interface.h"

#include <memory>

namespace ringattn {

/// The library's kernel over the whole sequence on one rank, dense, causal or not, and nothing else: what times of the
/// ring are compared with where there is no other build to compare with. None of our plan, executor or merge runs in
/// it, so a slower ring cannot hide in it.
class LibraryAttention final : public Attention {
 public:
  /// Dense attention with the lengths, heads and causality of `function`; its pattern, window, documents, mask and
  /// dropout are left out.
  explicit LibraryAttention(const AttentionFunction& function);

 private:
  Positions do_query_positions(int rank, int world_size) const override;
  Positions do_key_positions(int rank, int world_size) const override;
  /// RuntimeFailure on more than one rank.
  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override;

  std::unique_ptr<BlockBackend> backend_;
};

}  // namespace ringattn
