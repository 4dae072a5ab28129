#pragma once

#include "ring/deepspeed.h"
#include "ring/monitoring.h"
#include "ring/standard_ring_attention.h"

#include <c10/core/Device.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace ringattn {

/// What DistributedRingAttention is given besides the configuration.
struct DistributedOptions {
  DeepSpeedSettings deepspeed{};              ///< see load_deepspeed
  std::filesystem::path monitoring_folder{};  ///< of the files of ring/monitoring.h; empty: none are written
  /// Runs a call and returns its peak bytes above what was alive before; empty: monitoring has the plan's price,
  /// without the kernels' own.
  std::function<std::int64_t(const c10::Device&, const std::function<void()>&)> meter{};
};

/// StandardRingAttention for long runs: the same function, and
///   - sequence_parallel_size s of the DeepSpeed configuration: s neighbouring ranks exchange heads for rows, and rings
///     of every s-th rank go through the sequence (ring/ulysses_ring.h);
///   - monitoring: each forward call as a line of JSON and as Prometheus text;
///   - wall_clock_breakdown, comms_logger and flops_profiler of DeepSpeed say what they say there, to the log;
///   - travelling derivatives of K and V in bf16 where communication_data_type asks for it; what that rounds off is
///     compression_error() and in the monitoring.
/// Checkpoints, recovery and the watchdog are the configuration's, as in every variant.
class DistributedRingAttention final : public StandardRingAttention {
 public:
  /// Throws as StandardRingAttention does, and UsageError for a sequence_parallel_size that doesn't divide the ranks of
  /// a ring. What of the DeepSpeed configuration has no meaning is said once, by rank 0, at the first call.
  DistributedRingAttention(RingAttentionConfig config, Communicator& communicator, DistributedOptions options = {});

  const DistributedOptions& options() const { return options_; }
  /// What rounding travelling derivatives to bf16 has taken away so far, relative; 0 where they aren't rounded.
  double compression_error() const { return records()->of(ring().rank()).compression.relative(); }

 private:
  std::string do_name() const override { return "distributed"; }
  std::shared_ptr<Attention> do_make(const RingAttentionConfig& config, const Problem& problem,
                                     const std::optional<std::vector<std::int64_t>>& shard_rows) override;
  void do_call(const Attention& attention, const RankInputs& inputs, const std::function<void()>& call) override;

  DistributedOptions options_;
  bool has_warned_ = false;
};

}  // namespace ringattn
