#pragma once

#include "comm/communicator.h"
#include "config/axes.h"
#include "config/positions.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace ringattn {

/// Attention over part of the keys: `out` (batch, rows, heads, dim) normalised, `lse` (batch, heads, rows) natural
/// logarithm of the softmax denominator; a row that saw no key has out 0 and lse -inf. `lse` is undefined for an
/// implementation that returns none.
struct Partial {
  at::Tensor out;
  at::Tensor lse;
};

/// What one rank is given, rows at the positions that the Attention asks for.
struct RankInputs {
  at::Tensor query;  ///< (batch, query rows, heads, dim)
  at::Tensor key;    ///< (batch, key rows, key heads, dim)
  at::Tensor value;  ///< as key
  /// As function().mask says; bool, or floating when additive; batch may be 1 for all batch indices alike.
  ///   keys: (batch, key rows) of this rank: O(n/k), it travels with K and V.
  ///   scores: (batch, 1 or heads, query rows, n): the rows of this rank's queries, all keys.
  at::Tensor mask{};
};

/// Derivatives of a loss after one rank's inputs, each with the shape and type of the input. Where a rank is given rows
/// that others attend, key and value hold what all ranks' queries contribute.
struct Gradients {
  at::Tensor query;
  at::Tensor key;
  at::Tensor value;
};

/// A released implementation raised where it was asked for a result: its Python exception, as data. That is an answer
/// about the released code, not an error of ours, so it never becomes an exit code. `what()` is "raises: TYPE:
/// message".
struct ReleasedCodeRaised : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// One attention implementation for one function and one world: the seam between the old, the new, and everything that
/// measures them. `forward` is collective: all ranks of the communicator call it with their own rows.
class Attention {
 public:
  virtual ~Attention() = default;

  /// Which function it computes (what its oracle must evaluate).
  const AttentionFunction& function() const { return function_; }
  /// Positions of the query rows that rank `rank` of `world_size` must be given; its result has the same rows.
  Positions query_positions(int rank, int world_size) const { return do_query_positions(rank, world_size); }
  /// Positions of the key and value rows that the rank must be given.
  Positions key_positions(int rank, int world_size) const { return do_key_positions(rank, world_size); }
  /// What an implementation may want to find out before its first forward call with inputs of this shape, such as which
  /// of several ways is the fastest here. Collective; nothing is computed for the caller. Most have nothing to do.
  void prepare(Communicator& communicator, const RankInputs& inputs) { do_prepare(communicator, inputs); }
  /// Checks shapes, then computes. Throws RuntimeFailure (rank first) on a shape or transport error.
  Partial forward(Communicator& communicator, const RankInputs& inputs);

  /// Whether `backward` runs; where it doesn't, why ("" where it does).
  std::string why_no_backward() const { return do_why_no_backward(); }
  /// The derivatives of a loss whose derivative after this rank's `out` is `grad_out` (shape and type of out), summed
  /// over the ranks' losses. `inputs` and `result` are those of the forward call. Collective. Throws RuntimeFailure as
  /// forward does, Unavailable where there is no backward.
  Gradients backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                     const at::Tensor& grad_out);

 protected:
  explicit Attention(AttentionFunction function) : function_(std::move(function)) {}

 private:
  virtual Positions do_query_positions(int rank, int world_size) const = 0;
  virtual Positions do_key_positions(int rank, int world_size) const = 0;
  virtual void do_prepare(Communicator&, const RankInputs&) {}
  virtual Partial do_forward(Communicator& communicator, const RankInputs& inputs) = 0;
  virtual std::string do_why_no_backward() const { return "this implementation has no backward"; }
  virtual Gradients do_backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                                const at::Tensor& grad_out);

  AttentionFunction function_;
};

}  // namespace ringattn
