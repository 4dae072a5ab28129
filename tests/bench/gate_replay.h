#pragma once

#include "config/json.h"
#include "gate_series.h"

#include <cstdint>

namespace ringattn::trials {

/// What the compared side of a trial is.
enum class Planted {
  nothing,   ///< the same implementation: any failure is a false alarm
  tiles,     ///< the one that runs 10 % more tiles, as measured
  replayed,  ///< the same implementation, each recorded time 10 % longer
};

struct TrialOptions {
  std::int64_t gates = 2000;
  std::size_t pairs = 21;
  Planted planted = Planted::nothing;
  double spikes = 0.0;  ///< share of times, of all sides alike, that are 1.2 to 3 times as long
};

/// What the gate's own rule (gate/time_rule.h) said in each of them.
struct TrialCounts {
  std::int64_t gates = 0;
  std::int64_t failed = 0;
  std::int64_t unsure = 0;
  std::int64_t passed = 0;
  std::int64_t improved = 0;
  std::int64_t quiet_gates = 0;   ///< in which the candidate's interval against itself lies within 2 % of 1
  std::int64_t quiet_failed = 0;  ///< of those
};

/// Gate g takes 2·pairs neighbouring rounds of the series, the second half for the fresh run. The windows begin evenly
/// spaced: apart from each other where the series is long enough, overlapping otherwise.
TrialCounts run_trials(const Series& series, const TrialOptions& options);

Json to_json(const TrialCounts& counts);

}  // namespace ringattn::trials
