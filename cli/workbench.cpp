#include "cli/workbench.h"

#include "attention/mask_source.h"
#include "cli/interrupt.h"
#include "cli/machine.h"
#include "cli/monitoring.h"
#include "config/axis.h"
#include "config/config_json.h"
#include "config/environment.h"
#include "config/error.h"
#include "measure/scalar_type.h"

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
  return a.batch == b.batch && a.seq_len == b.seq_len && a.heads == b.heads && a.head_dim == b.head_dim &&
         a.key_heads() == b.key_heads() && a.mask == b.mask;
}

/// Who asked for an axis; nullptr where the preset or nobody did.
const Provenance* override_of(const Resolved& resolved, const std::string& axis) {
  for (const Provenance& p : resolved.provenance) {
    if (p.field == "/workload/" + axis && p.source != Source::preset) return &p;
  }
  return nullptr;
}

/// Opens each mask that the workload needs, so that a wrong one is refused before anything runs.
void check_masks(const Workload& workload, bool has_file) {
  for (const std::string& mask : workload.mask) {
    if (mask == "inputs" && has_file) continue;
    for (const std::int64_t batch : workload.batch)
      for (const std::int64_t seq_len : workload.seq_len)
        for (const std::int64_t heads : workload.heads)
          (void)make_mask(mask, {.batch = batch, .seq_len = seq_len, .heads = heads});
  }
}

void fit_axis(Workload& workload, std::vector<std::int64_t> Workload::*axis, const char* name, std::int64_t size,
              const Resolved& resolved, const std::string& file) {
  const Provenance* asked = override_of(resolved, name);
  if (asked != nullptr && workload.*axis != std::vector<std::int64_t>{size})
    throw UsageError(fmt::format("{}: {} asks for {}, but {} holds {}; leave the axis out", name, asked->origin,
                                 asked->value, file, size));
  workload.*axis = {size};
}

}  // namespace

Workbench::Workbench(InputOptions inputs, std::int64_t seed, std::chrono::milliseconds timeout,
                     std::shared_ptr<ProcessGroup> processes)
    : options_(std::move(inputs)), seed_(seed), timeout_(timeout), processes_(std::move(processes)) {
  if (options_.projection.empty()) options_.projection = "none";
}

void Workbench::project(const std::string& projection) {
  if (options_.projection == projection) return;
  options_.projection = projection;
  references_.reset();
  inputs_of_.reset();
}

void Workbench::use(Device device) {
  device_type_ = device == Device::cuda ? at::kCUDA : at::kCPU;
  if (device_type_ != at::kCPU && has_processes())
    throw Unavailable(
        "device: cuda cannot run on ranks that are processes: rows go between CPUs alone; use cpu, or one process, "
        "whose threads share the GPUs out");
  if (device_type_ != at::kCPU && is_projected())
    throw Unavailable(fmt::format(
        "device: cuda cannot run with --projection {}: projections are made on the CPU; use cpu", options_.projection));
}

void Workbench::fit_to_x(Resolved& resolved) const {
  const std::string& file = options_.file;
  if (!file_has_x(file))
    throw UsageError(
        fmt::format("{}: has no tensor '{}x' (batch, seq, embed), which --projection {} projects; leave "
                    "--inputs out, or give --projection none",
                    tensor_set(file).file, tensor_set(file).prefix, options_.projection));
  const std::unique_ptr<XSource> x = file_x(file);
  fit_axis(resolved.preset.workload, &Workload::batch, "batch", x->batch(), resolved, file);
  fit_axis(resolved.preset.workload, &Workload::seq_len, "seq_len", x->seq_len(), resolved, file);
}

void Workbench::fit_workload(Resolved& resolved) const {
  Workload& workload = resolved.preset.workload;
  const std::string& file = options_.file;
  if (!file.empty() && is_projected()) {
    fit_to_x(resolved);
  } else if (!file.empty()) {
    const std::unique_ptr<InputSource> inputs = file_inputs(file);
    fit_axis(workload, &Workload::batch, "batch", inputs->batch(), resolved, file);
    fit_axis(workload, &Workload::seq_len, "seq_len", inputs->seq_len(), resolved, file);
    fit_axis(workload, &Workload::heads, "heads", inputs->heads(), resolved, file);
    fit_axis(workload, &Workload::head_dim, "head_dim", inputs->head_dim(), resolved, file);
    const std::int64_t kv_heads = inputs->kv_heads() == inputs->heads() ? 0 : inputs->kv_heads();
    fit_axis(workload, &Workload::kv_heads, "kv_heads", kv_heads, resolved, file);
    const bool is_mask_asked = override_of(resolved, "mask") != nullptr || workload.mask != Workload{}.mask;
    if (!is_mask_asked && file_has_mask(file)) workload.mask = {"inputs"};
  }
  validate(workload);
  if (has_processes() && resolved.preset.config.communication_backend == CommunicationBackend::threads)
    throw Unavailable(
        "communication_backend: threads cannot connect ranks that are processes; use auto, or run without a launcher");
  for (const std::int64_t ranks : workload.ranks) {
    if (has_processes() && ranks > processes_->size())
      throw UsageError(
          fmt::format("ranks: {} asked for, but this run has {} processes; each is one rank: start more, or "
                      "ask for fewer with -a ranks=",
                      ranks, processes_->size()));
  }
  check_masks(workload, !file.empty());
}

void Workbench::allow_for(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const auto n = static_cast<double>(c.seq_len);
    const double flops = 4.0 * static_cast<double>(c.batch * c.heads * c.head_dim) * n * n;
    const double seconds = flops / kSlowestFlopRate / static_cast<double>(c.ranks);
    computing_ = std::max(computing_, std::chrono::milliseconds(static_cast<std::int64_t>(1e3 * seconds)));
  }
}

bool Workbench::interrupted() {
  if (!has_processes()) return ringattn::interrupted();
  if (!processes_->any_of(ringattn::interrupted())) return false;
  interrupt();
  return true;
}

bool Workbench::decides(bool here) { return has_processes() ? processes_->of_first(here ? 1 : 0) != 0 : here; }

void Workbench::tell_case(const Case& axes) {
  if (has_processes()) processes_->set_subject("case " + case_id(axes));
}

RankWorld& Workbench::world(std::int64_t ranks) {
  std::unique_ptr<RankWorld>& world = worlds_[ranks];
  if (!world) {
    WorldOptions options;
    options.timeout = timeout_ + computing_;
    world = has_processes() ? std::make_unique<RankWorld>(processes_, static_cast<int>(ranks), std::move(options))
                            : std::make_unique<RankWorld>(static_cast<int>(ranks), std::move(options), device_type_);
  }
  return *world;
}

namespace {

Projection make_projection(const std::string& spec, const Case& axes, std::uint64_t seed) {
  const ProjectionSizes sizes{.heads = axes.heads, .head_dim = axes.head_dim, .kv_heads = axes.key_heads()};
  if (spec == "identity") return identity_projection(sizes);
  return spec == "random" ? random_projection(sizes, seed) : file_projection(spec, sizes);
}

std::unique_ptr<ProjectedInputs> projected_inputs(const InputOptions& options, const Case& axes, std::uint64_t seed) {
  const std::int64_t embed = axes.heads * axes.head_dim;
  std::unique_ptr<XSource> x = !options.file.empty() ? file_x(options.file)
                                                     : generated_x({.seed = seed,
                                                                    .batch = axes.batch,
                                                                    .seq_len = axes.seq_len,
                                                                    .embed = embed,
                                                                    .distribution = options.distribution});
  const MaskedProblem masked{.batch = axes.batch, .seq_len = axes.seq_len, .heads = axes.heads, .seed = seed};
  return std::make_unique<ProjectedInputs>(std::move(x), make_projection(options.projection, axes, seed),
                                           make_mask(axes.mask, masked));
}

}  // namespace

const ProjectedInputs* Workbench::projected(const Case& axes) {
  (void)cpu_inputs(axes);
  return projected_;
}

const InputSource& Workbench::inputs(const Case& axes) {
  const InputSource& source = cpu_inputs(axes);
  if (device_type_ == at::kCPU) return source;
  if (!device_inputs_) device_inputs_ = inputs_on(source, device_type_);
  return *device_inputs_;
}

const InputSource& Workbench::cpu_inputs(const Case& axes) {
  if (!inputs_of_ || !same_problem(*inputs_of_, axes)) {
    references_.reset();
    device_inputs_.reset();
    inputs_of_ = axes;
    const auto seed = static_cast<std::uint64_t>(seed_);
    projected_ = nullptr;
    if (is_projected()) {
      std::unique_ptr<ProjectedInputs> made = projected_inputs(options_, axes, seed);
      projected_ = made.get();
      inputs_ = std::move(made);
      return *inputs_;
    }
    inputs_ = !options_.file.empty() ? file_inputs(options_.file, axes.mask, seed)
                                     : generated_inputs({.seed = seed,
                                                         .batch = axes.batch,
                                                         .seq_len = axes.seq_len,
                                                         .heads = axes.heads,
                                                         .head_dim = axes.head_dim,
                                                         .distribution = options_.distribution,
                                                         .kv_heads = axes.kv_heads,
                                                         .mask = axes.mask});
  }
  return *inputs_;
}

Problem Workbench::problem(const Case& axes) {
  const auto seed = static_cast<std::uint64_t>(seed_);
  return problem_of(axes, inputs(axes).mask_shape(), options_.is_training, options_.is_training ? seed : 0);
}

ReferenceBook& Workbench::references(const Case& axes, const AttentionFunction& function,
                                     const std::vector<Positions>& shards) {
  const InputSource& source = cpu_inputs(axes);
  std::vector<std::int64_t> rows =
      judged_rows(function, axes.batch, axes.head_dim, shards, kOracleFlopsMax, kSampledRowsMax);
  if (!references_ || rows != judged_rows_) {
    judged_rows_ = rows;
    references_ = projected_ != nullptr ? std::make_unique<ReferenceBook>(*projected_, std::move(rows))
                                        : std::make_unique<ReferenceBook>(source, std::move(rows));
  }
  return *references_;
}

std::string backend_on(const RingAttention& ring, const Workbench& bench, const Case& axes) {
  return ring.backend().name_on(at::Device(bench.device_type()), scalar_type(axes.dtype), axes.head_dim);
}

namespace {

/// Of the whole mask, one byte an element, or four where it is additive.
std::int64_t mask_bytes(const Case& axes, const MaskShape& mask) {
  const std::int64_t element = mask.is_additive ? 4 : 1;
  switch (mask.kind) {
    case MaskKind::none:
      return 0;
    case MaskKind::keys:
      return axes.batch * axes.seq_len * element;
    case MaskKind::scores:
      return axes.batch * (mask.is_per_head ? axes.heads : 1) * axes.seq_len * axes.seq_len * element;
  }
  return 0;
}

}  // namespace

std::int64_t estimated_bytes(const Case& axes, const MaskShape& mask, bool with_legacy, bool with_references) {
  const std::int64_t tensor = axes.batch * axes.seq_len * axes.heads * axes.head_dim;
  const std::int64_t element = std::max<std::int64_t>(4, element_bytes(axes.dtype));
  // New: q, k, v, state, two received blocks of K and V, assembled results twice. Old: full q, gathered K and V and the
  // result on each rank, and a block of scores.
  std::int64_t bytes = tensor * element * 12;
  // A mask of scores is whole on each old rank; the new ones and the references share it out, or hold it once.
  bytes += mask_bytes(axes, mask) * (1 + (with_legacy ? axes.ranks : 0) + (with_references ? 1 : 0));
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

void describe_inputs(ResolvedRecord& resolved, const InputOptions& inputs, std::int64_t seed) {
  resolved.inputs = inputs.file.empty() ? "counter" : inputs.file;
  resolved.distribution = inputs.file.empty() ? std::string(to_string(inputs.distribution)) : "file";
  resolved.seed = seed;
  resolved.is_training = inputs.is_training;
  resolved.projection = inputs.projection.empty() ? "none" : inputs.projection;
}

namespace {

std::vector<std::string> check_dropout(const RingAttentionConfig& config, bool is_training) {
  if (config.dropout == 0.0)
    return is_training ? std::vector<std::string>{"--train: dropout is 0, so nothing is dropped; set it with --set "
                                                  "dropout=0.1"}
                       : std::vector<std::string>{};
  if (!is_training) return {fmt::format("dropout={} acts in training alone; give --train to apply it", config.dropout)};
  if (config.backend == Backend::sdpa)
    throw Unavailable(
        "backend: sdpa cannot drop weights by position, as LibTorch draws its own random numbers; use auto or "
        "reference, or leave --train out");
  return {};
}

}  // namespace

std::vector<std::string> check_configuration(const RingAttentionConfig& config, const std::vector<std::int64_t>& ranks,
                                             bool is_training) {
  const Capabilities able = capabilities(torch_facts());
  for (const std::int64_t k : ranks) check_runnable(config, able, k);
  std::vector<std::string> warnings = device_notices(config, config.device == Device::cuda);
  for (std::string& warning : library_notices(config)) warnings.push_back(std::move(warning));
  for (std::string& warning : check_dropout(config, is_training)) warnings.push_back(std::move(warning));
  return warnings;
}

std::vector<std::string> repeated_axes(const Case& axes, const Resolved& resolved) {
  const Workload& workload = resolved.preset.workload;
  const Workload usual;
  const bool is_unusual = workload.kv_heads != usual.kv_heads || workload.window != usual.window ||
                          workload.documents != usual.documents || workload.mask != usual.mask;
  // An override may have set an axis of the preset back to its default.
  const bool is_asked = override_of(resolved, "kv_heads") != nullptr || override_of(resolved, "window") != nullptr ||
                        override_of(resolved, "documents") != nullptr || override_of(resolved, "mask") != nullptr;
  return axis_words(axes, is_unusual || is_asked);
}

std::vector<std::string> repeated_arguments(const WorkloadOptions& workload, const InputOptions& inputs,
                                            std::int64_t seed) {
  std::vector<std::string> words;
  if (!workload.preset_is_default) words.insert(words.end(), {"--preset", workload.preset});
  for (const std::string& set : workload.overrides.sets) words.insert(words.end(), {"--set", set});
  if (!inputs.file.empty()) words.insert(words.end(), {"--inputs", inputs.file});
  // The seed makes masks and dropout too.
  words.insert(words.end(), {"--seed", std::to_string(seed)});
  if (inputs.file.empty() && inputs.distribution != InputDistribution::normal)
    words.insert(words.end(), {"--distribution", std::string(to_string(inputs.distribution))});
  if (!inputs.projection.empty()) words.insert(words.end(), {"--projection", inputs.projection});
  if (inputs.is_training) words.emplace_back("--train");
  return words;
}

}  // namespace ringattn
