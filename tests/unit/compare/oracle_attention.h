#pragma once

#include "attention/interface.h"
#include "attention/oracle_gradient.h"

#include <ATen/ATen.h>

#include <functional>
#include <string>
#include <utility>

namespace ringattn::test {

/// An Attention of one rank that is right by definition: the oracle's numbers, rounded to the inputs' dtype. `spoil`
/// changes its gradients.
class OracleAttention final : public Attention {
 public:
  using Spoil = std::function<void(Gradients&)>;
  explicit OracleAttention(AttentionFunction function, Spoil spoil = {}, std::string why_no_backward = "")
      : Attention(std::move(function)), spoil_(std::move(spoil)), why_no_backward_(std::move(why_no_backward)) {}

 private:
  Positions do_query_positions(int rank, int world_size) const override {
    return contiguous_positions(function().seq_len, rank, world_size);
  }
  Positions do_key_positions(int rank, int world_size) const override { return do_query_positions(rank, world_size); }

  Partial do_forward(Communicator&, const RankInputs& in) override {
    const OracleResult result = evaluate_oracle(function(), in.query, in.key, in.value, {.mask = in.mask});
    return {result.out.to(in.query.scalar_type()), result.lse};
  }

  std::string do_why_no_backward() const override { return why_no_backward_; }

  Gradients do_backward(Communicator&, const RankInputs& in, const Partial&, const at::Tensor& grad_out) override {
    const OracleGradient exact =
        evaluate_oracle_gradient(function(), in.query, in.key, in.value, grad_out, {.mask = in.mask});
    const at::ScalarType dtype = in.query.scalar_type();
    Gradients gradients{exact.query.to(dtype), exact.key.to(dtype), exact.value.to(dtype)};
    if (spoil_) spoil_(gradients);
    return gradients;
  }

  Spoil spoil_;
  std::string why_no_backward_;
};

}  // namespace ringattn::test
