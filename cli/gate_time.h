#pragma once

#include "cli/gate_worker.h"
#include "cli/workbench.h"
#include "gate/time_rule.h"
#include "ring/ring_attention.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ringattn {

/// Interleaved samples of one run: what the candidate is compared with, the candidate, and the candidate again.
struct GateSamples {
  std::vector<std::int64_t> base_ns;
  std::vector<std::int64_t> candidate_ns;
  std::vector<std::int64_t> again_ns;
};
/// candidate / base and again / candidate, each with its interval.
TimeRun ratios_of(const GateSamples& samples);

/// Where samples come from.
class GateSampler {
 public:
  virtual ~GateSampler() = default;
  /// What the candidate is compared with: "library", or the other build.
  virtual std::string base() const = 0;
  /// `pairs` rounds, base and candidate and candidate in turns, there and back; fewer after Ctrl-C.
  virtual GateSamples sample(const Case& axes, RingAttention& ring, std::int64_t pairs) = 0;
};

/// In this process: the library's kernel alone on one rank against the ring on its k ranks.
std::unique_ptr<GateSampler> library_sampler(Workbench& bench);

/// Against another build: three processes, the other one and this one twice, each sampled when its turn comes.
/// UsageError for a binary that cannot be run or does not serve.
std::unique_ptr<GateSampler> build_sampler(const std::string& binary, const ServedSetting& setting,
                                           std::chrono::milliseconds timeout);

}  // namespace ringattn
