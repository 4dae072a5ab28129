#pragma once

#include "config/ring_attention_config.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// What of a DeepSpeed configuration means something to attention.
struct DeepSpeedSettings {
  bool is_given = false;                       ///< there was a configuration
  std::optional<Dtype> dtype{};                ///< bf16 or fp16, where that is enabled
  std::int64_t sequence_parallel_size = 1;     ///< ranks that exchange heads for rows (ring/ulysses_ring.h)
  std::optional<Dtype> communication_dtype{};  ///< of travelling derivatives: fp32 or bf16
  bool logs_communication = false;             ///< comms_logger.enabled
  bool logs_time = false;                      ///< wall_clock_breakdown
  bool profiles_flops = false;                 ///< flops_profiler.enabled
  std::int64_t profile_step = 1;               ///< flops_profiler.profile_step: the forward call that is profiled
  std::vector<std::string> warnings{};         ///< one sentence for each key that means nothing here
};

/// From the text of a DeepSpeed JSON file. Keys that DeepSpeed knows and attention doesn't (optimizer, scheduler,
/// zero_optimization, batch sizes, …) and keys that nobody knows are named in warnings, never refused. UsageError for
/// no JSON, a value of the wrong type, bf16 and fp16 both enabled.
DeepSpeedSettings deepspeed_from_json_text(const std::string& text, const std::string& source);
/// From a file; UsageError where it can't be read.
DeepSpeedSettings load_deepspeed(const std::string& path);

/// The configuration with what the settings say: dtype, log_communication_stats. UsageError where both name a dtype,
/// and not the same.
RingAttentionConfig with_deepspeed(RingAttentionConfig config, const DeepSpeedSettings& settings);

}  // namespace ringattn
