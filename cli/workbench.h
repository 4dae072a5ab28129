#pragma once

#include "attention/inputs.h"
#include "attention/module_inputs.h"
#include "cli/options.h"
#include "comm/process_group.h"
#include "compare/reference.h"
#include "config/problem.h"
#include "config/ring_attention_config.h"
#include "measure/rank_world.h"
#include "report/report.h"
#include "ring/ring_attention.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace ringattn {

/// What the verbs that run cases share: one World for each number of ranks, and the inputs and references of the
/// problem at hand, made when first asked for.
class Workbench {
 public:
  /// `processes`: those whose ranks run the cases; null: threads.
  Workbench(InputOptions inputs, std::int64_t seed, std::chrono::milliseconds timeout,
            std::shared_ptr<ProcessGroup> processes = nullptr);

  /// Puts layers around the attention from now on: "none", "identity", "random" or FILE.safetensors[#SET]. Call it
  /// before `fit_workload`, which wants an `x` of the inputs file then.
  void project(const std::string& projection);
  /// Ranks and their inputs are on this device from now on; references stay on the CPU. Call it before all others.
  /// Unavailable for a GPU and projections.
  void use(Device device);
  /// What that came to: at::kCPU, at::kCUDA.
  at::DeviceType device_type() const { return device_type_; }
  /// Gives the workload the sizes of the inputs file, if there is one, and its mask, unless -a asked for another.
  /// UsageError where -a asked for other sizes, for a mask that cannot be had, and for more ranks than processes;
  /// Unavailable where a communication backend is named that these ranks don't have.
  void fit_workload(Resolved& resolved) const;

  /// Lets waits last as long as the largest of these cases may compute between two hops, on top of the timeout. Call it
  /// before `world`.
  void allow_for(const std::vector<Case>& cases);

  bool has_processes() const { return processes_ != nullptr; }
  /// Whether this process has all ranks' results, judges them and writes the report.
  bool reports() const { return processes_ == nullptr || processes_->rank() == 0; }
  /// Whether to stop: one interrupted process stops all. Between processes, and so are the next two: collective, all
  /// ask the same questions in the same order.
  bool interrupted();
  /// What rank 0 alone can know, such as what a resumed report holds.
  bool decides(bool here);
  /// What is being done, for errors between processes.
  void tell_case(const Case& axes);

  RankWorld& world(std::int64_t ranks);
  const InputSource& inputs(const Case& axes);
  /// The same numbers on the CPU, wherever the ranks are.
  const InputSource& cpu_inputs(const Case& axes);
  /// The same where there are layers around the attention; else null.
  const ProjectedInputs* projected(const Case& axes);
  /// The case's problem, with the shape of its mask and, where there is training, the dropout seed.
  Problem problem(const Case& axes);
  /// References for the judged rows of this case; the same ones for all numbers of ranks, unless rows have to be
  /// sampled.
  ReferenceBook& references(const Case& axes, const AttentionFunction& function, const std::vector<Positions>& shards);

 private:
  void fit_to_x(Resolved& resolved) const;
  bool is_projected() const { return options_.projection != "none"; }

  InputOptions options_;
  at::DeviceType device_type_ = at::kCPU;
  std::int64_t seed_;
  std::chrono::milliseconds timeout_;
  std::shared_ptr<ProcessGroup> processes_;
  std::chrono::milliseconds computing_{0};
  std::map<std::int64_t, std::unique_ptr<RankWorld>> worlds_;
  std::optional<Case> inputs_of_;
  std::unique_ptr<InputSource> inputs_;         ///< on the CPU
  std::unique_ptr<InputSource> device_inputs_;  ///< the same on a GPU, where the ranks are there
  const ProjectedInputs* projected_ = nullptr;  ///< inputs_, where that is what it is
  std::vector<std::int64_t> judged_rows_;
  std::unique_ptr<ReferenceBook> references_;
};

/// What computes the ring's tiles in this case: "sdpa", or "sdpa (cudnn)" on a GPU.
std::string backend_on(const RingAttention& ring, const Workbench& bench, const Case& axes);

/// Bytes that a case keeps alive at its worst, roughly: inputs, results and received rows of all ranks, old and new,
/// and the references with their masks. For skipping what would not fit.
std::int64_t estimated_bytes(const Case& axes, const MaskShape& mask, bool with_legacy, bool with_references);

/// Why a case is not begun: the budget (none: no limit) is spent, or it needs more memory than is free. "" where it is
/// begun.
std::string reason_to_skip(std::int64_t elapsed_ns, std::optional<std::chrono::milliseconds> budget,
                           std::int64_t needed_bytes, std::int64_t free_bytes);

/// Pairs to time unless --pairs says otherwise; the default preset is for a first look.
inline constexpr std::int64_t timing_pairs_default = 21;
inline constexpr std::int64_t timing_pairs_of_default_preset = 7;
std::int64_t timing_pairs(const std::optional<std::int64_t>& asked, bool no_time, bool preset_is_default);

/// "dilated" for `auto`, else the pattern's own name.
std::string function_name(const RingAttentionConfig& config);

/// A report with everything but cases: environment, resolved configuration, command, start.
Report begin_report(const std::string& verb, const SharedOptions& shared, const Resolved& resolved);

/// Says in the report where the numbers come from.
void describe_inputs(ResolvedRecord& resolved, const InputOptions& inputs, std::int64_t seed);

/// What the user should know of a configuration that can run here. Throws UsageError or Unavailable where it cannot,
/// such as for a named backend that can't drop by place.
std::vector<std::string> check_configuration(const RingAttentionConfig& config, const std::vector<std::int64_t>& ranks,
                                             bool is_training);

/// The words of -a that repeat a case, see axis_words(): defaults too, where the preset, the environment or the command
/// line say something about an axis that most cases leave alone.
std::vector<std::string> repeated_axes(const Case& axes, const Resolved& resolved);

/// The command line words after `ringattn VERB` that repeat a case, its axes excepted: overrides of the configuration,
/// inputs and seed.
std::vector<std::string> repeated_arguments(const WorkloadOptions& workload, const InputOptions& inputs,
                                            std::int64_t seed);

}  // namespace ringattn
