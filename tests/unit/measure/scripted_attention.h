#pragma once

#include "attention/interface.h"

#include <ATen/ATen.h>

#include <functional>
#include <utility>

namespace ringattn {

/// An Attention for tests of what measures it: out = query + 1, lse = position, by rows, after whatever `work` does.
class ScriptedAttention final : public Attention {
 public:
  using Work = std::function<void(Communicator&, const RankInputs&)>;
  ScriptedAttention(std::int64_t seq_len, std::int64_t heads, bool interleaved, Work work = {})
      : Attention({.axes = {}, .pairs = {}, .seq_len = seq_len, .heads = heads}),
        interleaved_(interleaved),
        work_(std::move(work)) {}

 private:
  /// Contiguous rows, or every k-th one.
  Positions do_query_positions(int rank, int world_size) const override {
    const std::int64_t n = function().seq_len;
    if (!interleaved_) return contiguous_positions(n, rank, world_size);
    if (rank >= n) return {};
    return {{rank, (n - rank + world_size - 1) / world_size, world_size}};
  }
  Positions do_key_positions(int rank, int world_size) const override { return do_query_positions(rank, world_size); }

  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override {
    if (work_) work_(communicator, inputs);
    const at::Tensor positions =
        at::tensor(expand(query_positions(communicator.rank(), communicator.world_size())), at::kFloat);
    const at::Tensor& q = inputs.query;
    return {q + 1, positions.expand({q.size(0), q.size(2), q.size(1)}).contiguous()};
  }

  bool interleaved_;
  Work work_;
};

}  // namespace ringattn
