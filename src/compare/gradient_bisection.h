#pragma once

#include "attention/executor.h"
#include "attention/inputs.h"
#include "compare/first_bad_step.h"
#include "ring/ring_attention.h"

#include <memory>
#include <optional>

namespace ringattn {

/// The ring's backward of one rank, watched; the arguments are those of Attention::backward.
Gradients traced_backward(RingAttention& ring, Communicator& communicator, const RankInputs& inputs,
                          const Partial& result, const at::Tensor& grad_out, GradientWatch& watch);

/// Finds where in a ring wrong derivatives of a right forward result came about: what each rank's dq, and the sums of
/// dk and dv that are on it, come to after each hop of the backward pass, and what its own rows' sums are when others
/// have come home, is judged by the rules of a whole result, without the library kernel's error as a yardstick, against
/// the oracle's derivatives over the (query, key) pairs that have contributed by then. One run of backward is watched;
/// it may be of another attention than `ring`, whose function, layout and plans it should have.
class GradientBisection {
 public:
  /// `inputs` are what the run is given, grad_out included; both must outlive the bisection. Derivatives are judged in
  /// fp32, or fp64 for fp64 inputs: `dtype` is one of the two.
  GradientBisection(RingAttention& ring, const InputSource& inputs, at::ScalarType dtype);
  ~GradientBisection();
  GradientBisection(const GradientBisection&) = delete;
  GradientBisection& operator=(const GradientBisection&) = delete;

  /// For the executor of that rank, on its own thread; copies what it is told. Forgets what it saw before.
  GradientWatch& watch(int rank);
  /// What the rank returned in the end.
  void finish(int rank, const Gradients& result);
  /// The earliest hop of all, what is on ranks before what has come home, then the lowest rank; none: all that was seen
  /// is right. Cost: an oracle of the rank's rows for each rank and hop, made once.
  std::optional<FirstBadStep> first_bad();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringattn
