#pragma once

#include "attention/interface.h"
#include "legacy/plain.h"

#include <functional>
#include <string>
#include <vector>

// Old implementations behind the seam. Each rank returns the whole sequence, so whose loss is whose must be said: rank
// r's loss is of the rows of its contiguous share, and the loss of all is the sum over ranks. Other rows of grad_out
// count for nothing on the rank. Where several ranks are given one row, its gradient is the sum of theirs.

namespace ringattn::legacy {

/// Graphs of the last forward call, one a rank: what autograd keeps between forward and backward.
class KeptGraphs {
 public:
  /// `is_training`: whatever forward is given; else where its query requires grad.
  KeptGraphs(int world_size, bool is_training)
      : is_training_(is_training), graphs_(static_cast<std::size_t>(world_size)) {}
  bool are_kept_for(const at::Tensor& query) const;

  struct Graph {
    at::Tensor query{}, key{}, value{};  ///< its leaves
    at::Tensor out{};                    ///< its end; undefined: there is none
  };
  void keep(int rank, Graph graph) { graphs_[static_cast<std::size_t>(rank)] = std::move(graph); }
  void drop(int rank) { keep(rank, {}); }
  /// The rank's graph if it ends in `out`, and it is no longer kept.
  Graph take(int rank, const at::Tensor& out);

 private:
  bool is_training_;
  std::vector<Graph> graphs_;  ///< every rank touches its own alone
};

/// The intended O(n) path: a rank is given all queries and its contiguous ⌈n/k⌉ rows of K and V; it gathers K and V to
/// n rows and computes the full sequence, as every other rank does. Fewer key than query heads are repeated to H heads
/// first, which then travel, as the old classes knew no groups. Returns no lse.
/// backward: autograd through the same operations gives dK and dV of n rows, which go home by a reduce-scatter
/// (scatter_sums) of H heads; heads that were repeated are added up there. In training, or where the query of forward
/// requires grad, forward keeps what autograd keeps (scores included) until backward or the next forward; elsewhere
/// backward computes forward again, messages included.
class GatheredAttention : public Attention {
 public:
  using Compute = std::function<at::Tensor(const FullInputs&)>;
  GatheredAttention(AttentionFunction function, Compute compute, int world_size, bool is_training = false);

 private:
  Positions do_query_positions(int rank, int world_size) const override;
  Positions do_key_positions(int rank, int world_size) const override;
  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override;
  std::string do_why_no_backward() const override { return ""; }
  Gradients do_backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                        const at::Tensor& grad_out) override;

  std::int64_t group() const { return function().heads / function().key_heads(); }
  FullInputs gather(Communicator& communicator, const RankInputs& inputs) const;
  KeptGraphs::Graph record(const FullInputs& full) const;

  Compute compute_;
  KeptGraphs kept_;
};

/// What backward of a released class did where it was not autograd's own course, on that many ranks: throws
/// LegacyRaises where it raised.
using BeforeBackward = std::function<void(int world_size, std::int64_t batch)>;

/// A class as it was released: every rank is given the full inputs and returns the full sequence, of which its own rows
/// count (the others are NaN where the class returned none); what happens between
/// is the class's own affair, LegacyRaises included. function() is the function that was intended. Returns no lse.
/// backward: autograd through the class's operations. Rows that came from other ranks are constants to it, and nobody
/// sends gradients back, so they are wrong where the class was; graphs are kept as in GatheredAttention.
class ShippedAttention : public Attention {
 public:
  using Compute = std::function<at::Tensor(Communicator&, const FullInputs&)>;
  /// `why_no_backward`: "" where there is one.
  ShippedAttention(AttentionFunction intended, Compute compute, KeptGraphs kept, std::string why_no_backward,
                   BeforeBackward before_backward);

 private:
  Positions do_query_positions(int rank, int world_size) const override;
  Positions do_key_positions(int rank, int world_size) const override;
  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override;
  std::string do_why_no_backward() const override { return why_no_backward_; }
  Gradients do_backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                        const at::Tensor& grad_out) override;

  KeptGraphs::Graph record(Communicator& communicator, const RankInputs& inputs) const;

  Compute compute_;
  KeptGraphs kept_;
  std::string why_no_backward_;
  BeforeBackward before_backward_;
};

}  // namespace ringattn::legacy
