#pragma once

#include "attention/inputs.h"
#include "attention/interface.h"
#include "comm/rehearsed_communicator.h"
#include "measure/measurement.h"
#include "measure/rehearsed_rows.h"
#include "measure/runner.h"
#include "ring/ring_attention.h"

#include <cstdint>
#include <memory>

namespace ringattn {

/// One rank of k on its own (comm/rehearsed_communicator.h): its real plan, inputs, buffers, tiles, merges and traffic,
/// on the calling thread with all of its intra-op threads, as a rank with a machine of its own has. With Pass::both
/// backward follows: dq is exact; dk and dv are what the rank's own queries contribute to its own keys, as those of its
/// peers arrive as zeros of the real size.
class Rehearsal {
 public:
  /// Of the ring: its peers' rows come from the plan. All references must outlive the object.
  Rehearsal(RingAttention& attention, int rank, int world_size, const InputSource& inputs, at::ScalarType dtype,
            RehearsalModel model, Pass pass = Pass::forward);
  /// Forward of any other implementation whose ranks meet in all_gathers of their own rows alone; else running it
  /// throws Unavailable.
  Rehearsal(Attention& attention, int rank, int world_size, const InputSource& inputs, at::ScalarType dtype,
            RehearsalModel model);

  int rank() const { return rank_; }
  /// Makes the peers' rows ready in memory, at most this many bytes of them, so that making them takes no time from
  /// the runs that follow. Rows beyond it are made while the rank runs, except where a timed run can take other rows
  /// of the same sizes in their place (rehearsed_rows.h).
  void prepare(std::int64_t bytes_max);

  struct Metered {
    RankCost cost;
    Partial result;       ///< exact: every row that it saw was real
    Gradients gradients;  ///< of Pass::both
    Positions positions;
    Positions key_positions;
  };
  /// One run under the memory meter, with real rows alone.
  Metered meter();

  struct Timed {
    std::int64_t time_ns = 0;
    RehearsalClock clock;
  };
  /// Of a run, the mean of `repeats` that follow one another without a pause: on a GPU that hides what the host needs
  /// to begin and to learn of the end.
  Timed time(std::int64_t repeats = 1);

 private:
  void deliver_on_device();

  Attention& attention_;
  int rank_;
  int world_size_;
  RehearsalModel model_;
  Pass pass_ = Pass::forward;
  RankInputs own_;
  at::Tensor grad_out_;  ///< undefined for Pass::forward
  std::shared_ptr<RehearsedPeers> peers_;
  PlannedRows* planned_ = nullptr;  ///< peers_, where that is what they are
};

}  // namespace ringattn
