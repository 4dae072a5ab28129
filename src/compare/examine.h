#pragma once

#include "attention/defect.h"
#include "attention/executor.h"
#include "attention/safetensors.h"
#include "compare/first_bad_step.h"
#include "compare/numeric.h"
#include "compare/reference.h"
#include "measure/rank_world.h"
#include "measure/runner.h"
#include "report/report.h"
#include "ring/ring_attention.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// forward of one rank that tells what its rows come to step by step.
using TracedForward = std::function<Partial(Communicator&, const RankInputs&, const AfterStep&)>;

/// backward of one rank that tells what its derivatives come to step by step; arguments as Attention::backward.
using TracedBackward =
    std::function<Gradients(Communicator&, const RankInputs&, const Partial&, const at::Tensor&, GradientWatch&)>;

/// The new implementation of one case, and what people call it.
struct Candidate {
  std::string id;             ///< "standard"
  std::string function_name;  ///< "dilated_keys"
  RingAttention& attention;
  AskedRan backend;
  AskedRan layout;
  /// What is run in its place, measured and judged; null: `attention` itself, whose plan and price it is held to.
  Attention* runs = nullptr;
  TracedForward traced{};            ///< its forward where a wrong result is traced; null: that of `attention`
  TracedBackward traced_backward{};  ///< likewise, where wrong gradients are traced
};

/// The old implementation of one case.
struct Legacy {
  std::string id;
  std::string function_name;  ///< of what it is meant to compute
  Attention& attention;
  std::vector<Defects> defects;  ///< lists of defects to try, likeliest first, when it isn't what it is meant to be
  std::string undefined{};       ///< why it has no single answer (a race); "" where it has one
  /// What a released module is given, which projects it itself and returns what the module returns; null: the inputs
  /// of the case, as an attention.
  const InputSource* module_inputs = nullptr;
};

struct ExamineOptions {
  std::optional<Tolerance> tolerance{};  ///< the user's, for every elementwise judgement; none: the tiers, and the
                                         ///< guide's between old and new
  TimingOptions timing{};
  bool with_time = true;
  Pass pass = Pass::forward;  ///< both: dq, dk and dv are judged too, and bytes and time are of forward and backward
  /// Of a wrong result of the new one: the first rank and hop that are wrong, of forward (bisection.h) where that is
  /// wrong, else of backward (gradient_bisection.h).
  bool bisect = false;
  std::function<void(const std::string&)> progress{};  ///< told what is being done
};

/// What a case left behind for a bug report, filled for failing cases only.
struct Examination {
  CaseRecord record;
  NamedTensors tensors;
  std::optional<FirstBadStep> first_bad{};  ///< asked for, and found
};

/// Runs old and new once under the meter, judges both against the oracle in the logic tier (fp32, or fp64 for fp64
/// cases) and, for low-precision cases, in the precision tier too, holds the new one's peak bytes and traffic to its
/// plan's price, rank by rank, then times both in interleaved pairs. Where the
/// references are of a module, each rank's result goes through the output projection, unmetered and untimed, before it
/// is judged. `legacy` null:
/// the new one against the oracle alone. With Pass::both, an old one that has no backward is run forward and judged so,
/// and not timed; the record says why. Peak bytes, traffic and time are of the case's own dtype. Errors of ranks are
/// rethrown; what a released class raised is an outcome.
Examination examine(const Case& axes, const Candidate& candidate, const Legacy* legacy, RankWorld& world,
                    const InputSource& inputs, ReferenceBook& references, const ExamineOptions& options);

}  // namespace ringattn
