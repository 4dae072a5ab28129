#pragma once

#include "attention/inputs.h"
#include "attention/interface.h"
#include "comm/world.h"
#include "measure/measurement.h"
#include "measure/memory_meter.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

namespace ringattn {

/// What is run, measured and timed as one: `forward`; or `forward` and then `backward` of its result; or the same of an
/// implementation whose backward is autograd's, with a query that requires grad, so that forward keeps what backward
/// needs and nothing is computed twice.
enum class Pass { forward, both, autograd };

/// One untimed call under the memory meter.
struct MeteredRun {
  Measurement measurement;           ///< without times
  std::vector<Partial> results;      ///< per rank; `assemble` puts them together
  std::vector<Gradients> gradients;  ///< likewise; empty for Pass::forward
};

/// Builds each rank's inputs on its own thread, then runs the pass once with the thread's allocations and the world's
/// traffic counted; grad_out is an input then. Resets the world's traffic. The results outlive the meter and are on
/// nobody's account afterwards; they are on the CPU. Errors of a rank are rethrown. Where ranks are processes, rank 0's
/// has what all ranks returned and cost, the others what they did themselves.
MeteredRun meter(World& world, Attention& attention, const InputSource& inputs, at::ScalarType dtype,
                 Pass pass = Pass::forward);

/// What a rank is given: the rows that `attention` asks for.
RankInputs rank_inputs(const Attention& attention, int rank, int world_size, const InputSource& inputs,
                       at::ScalarType dtype);
/// The rows of grad_out that belong to its result; undefined for Pass::forward.
at::Tensor rank_grad_out(const Attention& attention, int rank, int world_size, const InputSource& inputs,
                         at::ScalarType dtype, Pass pass);
/// `grad_out` may be undefined.
std::int64_t input_bytes(const RankInputs& inputs, const at::Tensor& grad_out = {});
RankCost rank_cost(const MemoryUse& use, std::int64_t input_bytes);
Partial on_cpu(const Partial& result);
Gradients on_cpu(const Gradients& gradients);

/// How long to time.
struct TimingOptions {
  std::int64_t pairs = 21;                  ///< rounds in which every contender runs once
  std::int64_t warmups = 1;                 ///< untimed runs of every contender before
  std::chrono::nanoseconds time_budget{0};  ///< no new pair begins after it; one pair is run in any case. 0: no limit
  std::function<bool()> stop;               ///< asked before every run; true ends the pass (Ctrl-C)
};

/// Why a timed pass ended.
enum class TimingEnd { complete, over_budget, stopped };

struct TimedRuns {
  /// [contender][pair]: from the moment the first rank leaves the barrier before `forward` to the moment the last rank
  /// has its result, of backward where that is run too. Only whole pairs, so that all lists are equally long.
  std::vector<std::vector<std::int64_t>> time_ns;
  /// [contender][pair]: of that, how long the rank that ended last stood in its waits (Communicator::waited_ns): the
  /// part of communication that its compute did not hide. Where ranks share cores, a peer's compute on them is waited
  /// for too.
  std::vector<std::vector<std::int64_t>> exposed_ns;
  TimingEnd end = TimingEnd::complete;
};

/// What is timed: an implementation on the World that it is run on. Contenders may share a World or have worlds of
/// different sizes.
struct TimedContender {
  World* world = nullptr;
  Attention* attention = nullptr;
  const InputSource* inputs = nullptr;  ///< of its own; null: those of all
  Pass pass = Pass::forward;
};

/// Times contenders of one problem (implementations, numbers of ranks) in interleaved ABBA order on their rank threads;
/// every input is built before the first run, results are dropped outside the timed part. Throws UsageError for no
/// contenders or pairs < 1; errors of a rank are rethrown.
TimedRuns time_interleaved(std::span<const TimedContender> contenders, const InputSource& inputs, at::ScalarType dtype,
                           const TimingOptions& options = {});
/// The same where all share one World.
TimedRuns time_interleaved(World& world, std::span<Attention* const> contenders, const InputSource& inputs,
                           at::ScalarType dtype, const TimingOptions& options = {});

/// One contender with the inputs of all its ranks, built once, to be timed whenever somebody asks: for interleaving
/// with other processes.
class PreparedTiming {
 public:
  PreparedTiming(const TimedContender& contender, const InputSource& inputs, at::ScalarType dtype);
  ~PreparedTiming();
  PreparedTiming(const PreparedTiming&) = delete;
  PreparedTiming& operator=(const PreparedTiming&) = delete;

  /// One run of the contender's pass, timed as in TimedRuns.
  std::int64_t sample_ns();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace ringattn
