#pragma once

#include "attention/block_backend.h"
#include "attention/interface.h"

#include <memory>

namespace ringattn {

/// One GPU alone: the library's kernel on the whole sequence, forward and backward, dense, causal or not, and nothing
/// of the ring.
class WholeCall final : public Attention {
 public:
  explicit WholeCall(AttentionFunction function) : Attention(std::move(function)), backend_(make_sdpa_backend()) {}

 private:
  Positions do_query_positions(int rank, int world_size) const override;
  Positions do_key_positions(int rank, int world_size) const override;
  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override;
  std::string do_why_no_backward() const override { return ""; }
  Gradients do_backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                        const at::Tensor& grad_out) override;
  BlockInputs call(const RankInputs& inputs) const;

  std::unique_ptr<BlockBackend> backend_;
};

}  // namespace ringattn
