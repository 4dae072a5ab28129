#pragma once

#include "config/axes.h"
#include "config/pattern_spec.h"
#include "config/problem.h"
#include "config/workload.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

// `automatic` is written "auto" everywhere.
enum class Device { automatic, cpu, cuda };
enum class CommunicationBackend { automatic, threads, nccl, gloo, mpi };
enum class CompileMode {
  none,
  standard,
  reduce_overhead,
  max_autotune
};  ///< null, "default", "reduce-overhead", "max-autotune"
enum class Layout { automatic, contiguous, zigzag, striped, hilbert };
enum class Backend { automatic, reference, sdpa, fused };

std::string_view to_string(Device value);
std::string_view to_string(CommunicationBackend value);
std::string_view to_string(CompileMode value);  ///< none is "none"; JSON writes null
std::string_view to_string(Layout value);
std::string_view to_string(Backend value);

/// The configuration of every ring attention variant: the migration guide's RingAttentionConfig, and what this library
/// adds to it. Defaults are the guide's, except that whatever needs hardware is `auto`. Field order is the order of
/// JSON and Python output.
struct RingAttentionConfig {
  // What is computed.
  std::vector<std::int64_t>
      segment_lengths{};  ///< w_i, each >= 1; may be empty only for pattern dense; clipped to n when placed
  std::vector<std::int64_t> dilation_rates{};  ///< r_i, each >= 1; as many as segment_lengths
  PatternSpec pattern{};                       ///< not in the guide: which query attends which key; auto is `dilated`
  double dropout = 0.0;                   ///< probability in [0, 1] that an attention weight is dropped in training
  std::optional<double> softmax_scale{};  ///< not in the guide: finite, > 0; none: 1/√head_dim

  // Where and how it is computed.
  /// False: fp32 matrix products on GPUs never use TF32; true: as LibTorch's own setting says, which is off unless it
  /// was turned on.
  bool use_tf32 = true;
  Device device = Device::automatic;
  std::optional<Dtype> dtype{};          ///< none: as the workload's case says
  Layout layout = Layout::automatic;     ///< not in the guide: which rank owns which row
  Backend backend = Backend::automatic;  ///< not in the guide: what computes one tile

  // Ring.
  /// Ranks in one ring, a divisor of the world size; none: all. Each ring holds the whole sequence of its share of the
  /// batch.
  std::optional<std::int64_t> ring_size{};
  CommunicationBackend communication_backend = CommunicationBackend::automatic;
  bool enable_error_recovery = true;    ///< a message that fails is tried again; else every rank stops at once
  std::int64_t max_retry_attempts = 3;  ///< >= 1: attempts at one message, the first included
  double retry_delay = 0.1;             ///< seconds, >= 0, before the second attempt; doubled before each later one

  // Memory.
  bool use_memory_pool = true;             ///< two receive buffers that hops use in turn; else one for each hop
  bool preallocate_buffers = true;         ///< the pool before the first step; else a buffer when a hop first needs it
  bool aggressive_memory_cleanup = false;  ///< buffers go before the last step, reserves to the system after each call

  // Speed.
  bool overlap_communication = true;             ///< post the next hop before computing this one
  bool use_fused_kernels = true;                 ///< false: `backend: auto` is reference, plain tensor operations
  CompileMode compile_mode = CompileMode::none;  ///< max_autotune: measure backends and blocks, and take the fastest

  // Monitoring.
  bool enable_profiling = false;         ///< record what each rank does when, for a Chrome trace
  bool log_communication_stats = false;  ///< say after each call what communication came to
  bool validate_gradients = false;       ///< hold each backward of autograd against the oracle

  // Curve order.
  bool use_hilbert = false;              ///< layout auto may deal rows along the curve; the function stays what it is
  std::int64_t hilbert_curve_level = 8;  ///< a curve fills 4^level cells; 1 … 16 where there is one
  std::int64_t hilbert_min_segment_size = 64;  ///< not in the guide's class: segments of fewer rows keep their order

  // Long runs.
  std::int64_t checkpoint_frequency = 0;  ///< forward calls between checkpoints; 0: off
  bool enable_watchdog = false;           ///< watchdog_timeout is the deadline of each wait, in place of the world's
  double watchdog_timeout = 60.0;         ///< seconds, > 0

  bool operator==(const RingAttentionConfig&) const = default;
};

/// (w_i, r_i) in order; empty for empty lists.
std::vector<Pair> pairs(const RingAttentionConfig& config);

/// Checks every rule of the guide and of this library. Throws UsageError "<field>: …" at the first breach.
void validate(const RingAttentionConfig& config);

/// What the configuration says of a Hilbert curve, whether of a layout or of a pattern.
CurveLimits curve_limits(const RingAttentionConfig& config);

/// The mathematical function that the configuration asks for on this problem. `dense` becomes one pair
/// {seq_len, 1}; elsewhere the pairs are the configuration's own: whoever places them clips w_i to seq_len. Throws
/// UsageError (kv_heads that does not divide heads, documents that are no cumulative lengths of seq_len, …).
AttentionFunction resolve_function(const RingAttentionConfig& config, const Problem& problem);
/// The same with nothing but heads, length and causality.
AttentionFunction resolve_function(const RingAttentionConfig& config, std::int64_t seq_len, std::int64_t heads,
                                   bool is_causal);

/// What this build, on this machine, with this implementation can honour. Whoever knows LibTorch and the implementation
/// fills it in.
struct Capabilities {
  int cuda_devices = 0;
  std::string cuda_reason = "this build has no CUDA";  ///< why there is none, when cuda_devices is 0
  bool nccl = false;
  std::string nccl_reason = "this build has no NCCL";  ///< why nccl cannot run, when it cannot
  bool dropout = false;                                ///< dropout > 0 can be honoured
  std::vector<Backend> backends{Backend::reference};   ///< what can compute a tile
  std::vector<Layout> layouts{Layout::contiguous};     ///< what the planner can lay out
};

/// Refuses what is named explicitly and cannot run. Throws Unavailable with the reason and an alternative; UsageError
/// where ring_size is not `ranks`. `auto` never throws.
void check_runnable(const RingAttentionConfig& config, const Capabilities& capabilities, std::int64_t ranks);

/// One sentence for each field that is not at its default and cannot act on this device, whatever runs there.
std::vector<std::string> device_notices(const RingAttentionConfig& config, bool is_cuda);

/// A field as documentation: `list fields`, the schema and completions are made from it.
struct FieldInfo {
  std::string name;
  std::string type;           ///< "integer", "list of integers", "auto|cpu|cuda", …
  std::string default_value;  ///< as JSON
  std::string summary;
  bool in_guide = true;  ///< a field of the guide's class; false for what this library adds
};
const std::vector<FieldInfo>& config_fields();

/// Fields that differ from the default, as (name, JSON value), in declaration order.
struct FieldValue {
  std::string field;
  std::string value;
  bool operator==(const FieldValue&) const = default;
};
std::vector<FieldValue> non_default_fields(const RingAttentionConfig& config);

/// Sets one field from JSON text; a text that is no JSON is taken as a string ("pattern=dense"). `source` begins the
/// error message. The rules between fields are not checked: call validate() once all fields are set. Throws UsageError.
void set_field(RingAttentionConfig& config, const std::string& field, const std::string& value,
               const std::string& source);

/// All fields as JSON, indented by two; reads back to an equal configuration.
std::string to_json_text(const RingAttentionConfig& config);
/// Only the fields that differ from the default.
std::string to_json_text_short(const RingAttentionConfig& config);
RingAttentionConfig config_from_json_text(std::string_view text, const std::string& source);

/// The guide's constructor call with the two lists and every field that is not at its default:
///   RingAttentionConfig(
///       segment_lengths=[2048, 4096],
///       …
std::string to_python(const RingAttentionConfig& config);

}  // namespace ringattn
