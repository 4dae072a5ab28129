#include "cli/workbench.h"

#include "cli/machine.h"
#include "config/axis.h"
#include "config/config_json.h"
#include "config/environment.h"
#include "config/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

namespace ringattn {
namespace {

/// Above this many operations the dense oracle gives way to sampled rows (some 5 s on two cores).
constexpr double kOracleFlopsMax = 3e11;
constexpr std::int64_t kSampledRowsMax = 256;
/// Operations a second that any machine does; a peer that computes this slowly isn't taken for dead.
constexpr double kSlowestFlopRate = 1e10;

bool same_problem(const Case& a, const Case& b) {
  return a.batch == b.batch && a.seq_len == b.seq_len && a.heads == b.heads && a.head_dim == b.head_dim;
}

void fit_axis(Workload& workload, std::vector<std::int64_t> Workload::*axis, const char* name, std::int64_t size,
              const Resolved& resolved, const std::string& file) {
  const std::string pointer = std::string("/workload/") + name;
  const auto asked = std::find_if(resolved.provenance.begin(), resolved.provenance.end(),
                                  [&](const Provenance& p) { return p.field == pointer; });
  const bool is_override = asked != resolved.provenance.end() && asked->source != Source::preset;
  if (is_override && workload.*axis != std::vector<std::int64_t>{size})
    throw UsageError(fmt::format("{}: {} asks for {}, but {} holds {}; leave the axis out", name, asked->origin,
                                 asked->value, file, size));
  workload.*axis = {size};
}

}  // namespace

Workbench::Workbench(std::string inputs_file, std::int64_t seed, std::chrono::milliseconds timeout)
    : inputs_file_(std::move(inputs_file)), seed_(seed), timeout_(timeout) {
  if (!inputs_file_.empty()) inputs_ = file_inputs(inputs_file_);
}

void Workbench::fit_workload(Resolved& resolved) const {
  if (inputs_file_.empty()) return;
  Workload& workload = resolved.preset.workload;
  fit_axis(workload, &Workload::batch, "batch", inputs_->batch(), resolved, inputs_file_);
  fit_axis(workload, &Workload::seq_len, "seq_len", inputs_->seq_len(), resolved, inputs_file_);
  fit_axis(workload, &Workload::heads, "heads", inputs_->heads(), resolved, inputs_file_);
  fit_axis(workload, &Workload::head_dim, "head_dim", inputs_->head_dim(), resolved, inputs_file_);
}

void Workbench::allow_for(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const auto n = static_cast<double>(c.seq_len);
    const double flops = 4.0 * static_cast<double>(c.batch * c.heads * c.head_dim) * n * n;
    const double seconds = flops / kSlowestFlopRate / static_cast<double>(c.ranks);
    computing_ = std::max(computing_, std::chrono::milliseconds(static_cast<std::int64_t>(1e3 * seconds)));
  }
}

RankWorld& Workbench::world(std::int64_t ranks) {
  std::unique_ptr<RankWorld>& world = worlds_[ranks];
  if (!world) {
    WorldOptions options;
    options.timeout = timeout_ + computing_;
    world = std::make_unique<RankWorld>(static_cast<int>(ranks), std::move(options));
  }
  return *world;
}

const InputSource& Workbench::inputs(const Case& axes) {
  if (!inputs_of_ || !same_problem(*inputs_of_, axes)) {
    references_.reset();
    inputs_of_ = axes;
    if (inputs_file_.empty())
      inputs_ = generated_inputs({.seed = static_cast<std::uint64_t>(seed_),
                                  .batch = axes.batch,
                                  .seq_len = axes.seq_len,
                                  .heads = axes.heads,
                                  .head_dim = axes.head_dim});
  }
  return *inputs_;
}

ReferenceBook& Workbench::references(const Case& axes, const AttentionFunction& function,
                                     const std::vector<Positions>& shards) {
  const InputSource& source = inputs(axes);
  std::vector<std::int64_t> rows =
      judged_rows(function, axes.batch, axes.head_dim, shards, kOracleFlopsMax, kSampledRowsMax);
  if (!references_ || rows != judged_rows_) {
    judged_rows_ = rows;
    references_ = std::make_unique<ReferenceBook>(source, std::move(rows));
  }
  return *references_;
}

std::int64_t estimated_bytes(const Case& axes, bool with_legacy, bool with_references) {
  const std::int64_t tensor = axes.batch * axes.seq_len * axes.heads * axes.head_dim;
  const std::int64_t element = std::max<std::int64_t>(4, element_bytes(axes.dtype));
  // New: q, k, v, state, two received blocks of K and V, assembled results twice. Old: full q, gathered K and V and the
  // result on each rank, and a block of scores.
  std::int64_t bytes = tensor * element * 12;
  if (with_legacy)
    bytes += axes.ranks * (tensor * element * 5 +
                           axes.batch * axes.heads * std::min<std::int64_t>(axes.seq_len, 4096) * axes.seq_len);
  if (with_references) {
    const bool is_sampled = 4.0 * static_cast<double>(tensor) * static_cast<double>(axes.seq_len) > kOracleFlopsMax;
    const std::int64_t rows = is_sampled ? kSampledRowsMax : axes.seq_len;
    bytes += tensor * 8 * 4 + axes.heads * rows * axes.seq_len * 4;
  }
  return bytes;
}

std::string reason_to_skip(std::int64_t elapsed_ns, std::optional<std::chrono::milliseconds> budget,
                           std::int64_t needed_bytes, std::int64_t free_bytes) {
  if (budget && elapsed_ns > budget->count() * 1'000'000)
    return fmt::format("--time-budget of {} s is spent", budget->count() / 1000);
  if (needed_bytes <= free_bytes) return "";
  return fmt::format("needs about {:.1f} GiB, {:.1f} GiB are free", static_cast<double>(needed_bytes) / (1 << 30),
                     static_cast<double>(free_bytes) / (1 << 30));
}

std::int64_t timing_pairs(const std::optional<std::int64_t>& asked, bool no_time, bool preset_is_default) {
  if (no_time) return 0;
  return asked.value_or(preset_is_default ? timing_pairs_of_default_preset : timing_pairs_default);
}

std::string function_name(const RingAttentionConfig& config) {
  const PatternName name = config.pattern.name;
  return std::string(to_string(name == PatternName::automatic ? PatternName::dilated : name));
}

Report begin_report(const std::string& verb, const SharedOptions& shared, const Resolved& resolved) {
  Report report;
  report.verb = verb;
  report.command = shared.command;
  report.started_at = rfc3339_utc(static_cast<std::int64_t>(std::time(nullptr)));
  const TorchFacts facts = torch_facts();
  report.environment = capture_environment(shared.env, facts.version);
  report.environment.threads_intra_op = facts.intra_op_threads;
  report.environment.gpus = facts.gpus;
  report.resolved.preset = resolved.preset.name;
  report.resolved.config = to_json(resolved.preset.config);
  report.resolved.workload = to_json(resolved.preset.workload);
  report.resolved.provenance = resolved.provenance;
  return report;
}

std::vector<std::string> repeated_arguments(const WorkloadOptions& workload, const std::string& inputs,
                                            std::int64_t seed) {
  std::vector<std::string> words;
  if (!workload.preset_is_default) words.insert(words.end(), {"--preset", workload.preset});
  for (const std::string& set : workload.overrides.sets) words.insert(words.end(), {"--set", set});
  if (!inputs.empty())
    words.insert(words.end(), {"--inputs", inputs});
  else
    words.insert(words.end(), {"--seed", std::to_string(seed)});
  return words;
}

}  // namespace ringattn
