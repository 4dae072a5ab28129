#pragma once

#include "config/env.h"
#include "config/json.h"
#include "measure/ceilings.h"
#include "measure/noise.h"
#include "report/text.h"

#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// From how many rows a rank on a hop of the ring is hidden, for one rate and one link.
struct HidingRow {
  std::string rank;  ///< who computes: "this machine", or a network's name
  std::string link;  ///< over which wire
  Dtype dtype = Dtype::fp32;
  double flops_per_s = 0.0;
  double bytes_per_s = 0.0;
  double latency_s = 0.0;
  double full_rows = 0.0;    ///< L* of unmasked attention, as many K/V heads as heads, latency apart
  double causal_rows = 0.0;  ///< of balanced causal attention
  double shared_rows = 0.0;  ///< full, where four heads share a K/V head
};

/// What `doctor` measures of this machine.
struct MachineMeasurements {
  std::vector<Ceiling> ceilings;
  std::optional<Noise> noise;  ///< none where it was interrupted before
  std::vector<HidingRow> hiding;
};

/// Measures the ceilings and the noise, and says for this machine and the shipped networks when communication hides.
/// Some ten seconds; ends early at Ctrl-C.
MachineMeasurements measure_machine(const Env& env);

std::string to_text(const MachineMeasurements& measured, const TextStyle& style);
Json to_json(const MachineMeasurements& measured);

}  // namespace ringattn
