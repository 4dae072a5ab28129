#pragma once

#include "attention/executor.h"
#include "attention/inputs.h"
#include "compare/first_bad_step.h"
#include "ring/ring_attention.h"

#include <memory>
#include <optional>
#include <vector>

namespace ringattn {

/// The ring's forward of one rank, watched.
Partial traced_forward(RingAttention& ring, Communicator& communicator, const RankInputs& inputs,
                       const AfterStep& watch);

/// Finds where in a ring a wrong forward result came about: what each rank's rows come to after each hop is judged, by
/// the rules of a whole result, against the oracle of the same function in which only the keys of the hops so far may
/// be seen. One run of forward is watched; it may be of another attention than `ring`, whose function and layout it
/// should have.
class Bisection {
 public:
  /// `inputs` are what the run is given; both must outlive the bisection. Rows are judged in fp32, or fp64 for fp64
  /// inputs: `dtype` is one of the two.
  Bisection(RingAttention& ring, const InputSource& inputs, at::ScalarType dtype);
  ~Bisection();
  Bisection(const Bisection&) = delete;
  Bisection& operator=(const Bisection&) = delete;

  /// For the executor of that rank, on its own thread; copies the rank's state after each hop. Forgets what it saw
  /// before.
  AfterStep watch(int rank);
  /// What the rank returned in the end.
  void finish(int rank, const Partial& result);
  /// The earliest hop of all, then the lowest rank; none: all that was seen is right. Under join mean of pairs that
  /// meet, results have no part to be judged, and only finished ones are. Cost: an oracle of the rank's rows for each
  /// rank and hop, made once.
  std::optional<FirstBadStep> first_bad();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringattn
