#pragma once

#include "comm/communicator.h"
#include "compare/recording.h"

#include <ATen/core/Tensor.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// What stands in for a recorded class: run on every rank, with the inputs of that rank (own copies). It throws
/// ReleasedCodeRaised (attention/interface.h) where the class raised, Unavailable where this run cannot be reproduced.
struct ReplaySubject {
  std::function<at::Tensor(Communicator&, const TensorsByName&)> run{};
  std::string refused{};  ///< why there is nothing to run; then `run` is empty
  /// One training step: the gradient after each of "query", "key", "value" and "x" that is there, whole. `grad_out`: of
  /// all n rows; the rank's loss is of its contiguous share. Empty: nothing can give it.
  std::function<TensorsByName(Communicator&, const TensorsByName& inputs, const at::Tensor& grad_out)> gradients{};
};
using ReplayLookup = std::function<ReplaySubject(const Recording&)>;

enum class ReplayOutcome { matched, differs, refused };
std::string_view to_string(ReplayOutcome outcome);

struct ReplayVerdict {
  ReplayOutcome outcome = ReplayOutcome::matched;
  std::string words{};  ///< differs: the rank, what it got, the worst element; refused: the reason
};

/// What became of one rank.
struct RankReplay {
  /// `broke`: an error that is none of the class's. `refused`: Unavailable.
  enum class Kind { tensor, raises, hangs, broke, refused };
  Kind kind = Kind::broke;
  at::Tensor out{};
  std::string text{};         ///< the exception's words
  TensorsByName gradients{};  ///< instead of `out`, of a training step
};

/// Replays recordings, and keeps a World of each size between them. Ranks compute with one intra-op thread each.
class Replayer {
 public:
  /// `wait`: the deadline of each wait where nobody is recorded to wait for ever.
  explicit Replayer(ReplayLookup lookup, std::chrono::milliseconds wait = std::chrono::seconds{10});
  ~Replayer();
  Replayer(const Replayer&) = delete;
  Replayer& operator=(const Replayer&) = delete;

  /// Same kind of result and, for tensors, same numbers on every rank; where the recording tells ranks apart, rank by
  /// rank. `raises` matches when any rank raises. A recording in which ranks waited for ever costs one second: its
  /// world has that deadline. Where a training step was recorded, it is run and judged likewise after that.
  ReplayVerdict replay(const Recording& recording);
  /// What each rank got of the class, called as the recording says; the recorded result is not looked at. All ranks are
  /// refused where there is nothing to run.
  std::vector<RankReplay> run(const Recording& recording);
  /// What each rank got of a training step with this grad_out; refused where nothing gives gradients.
  std::vector<RankReplay> run_gradients(const Recording& recording, const at::Tensor& grad_out);

 private:
  struct Worlds;
  ReplayLookup lookup_;
  std::unique_ptr<Worlds> worlds_;
};

/// Whether `got` is what was recorded; empty words: it is. Shapes equal, NaN and infinities alike at the same places,
/// and |got - want| <= 1e-5 + 1e-4·|want| elsewhere; for hilbert_triton_v2, whose values overflow by design,
/// 1e-4·max|want| over finite want. Words name the worst element and its index.
std::string tensor_difference(const at::Tensor& got, const at::Tensor& want, std::string_view alias);

}  // namespace ringattn
