#pragma once

#include "measure/statistics.h"
#include "report/report.h"

#include <optional>
#include <string>
#include <vector>

// The rule for time. Nothing absolute is compared: a run is a list of interleaved pairs, its change is the interval of
// their ratios (order statistics, at least 95 %), and the machine's own noise is the median of the candidate against
// itself in the same run.

namespace ringattn {

struct TimeLimits {
  double slower = 1.05;  ///< a change whose whole interval lies above is a slowdown; below 1/slower a speed-up
  double noise = 0.03;   ///< how far from 1 the candidate's median against itself may lie
};

/// One run: how many times longer the candidate takes than what it is compared with, and than itself.
struct TimeRun {
  MedianEstimate change{};
  MedianEstimate self{};
};

/// Ratios candidate / reference of this run against those of the baseline:
///   [low / base.high, high / base.low]
MedianEstimate relative_to(const MedianEstimate& ratio, const IntervalRecord& base);

enum class Change { same, slower, faster, wide, noisy };
/// same: the interval lies within [1/slower, slower]. wide: it crosses a limit. noisy: the candidate differs from
/// itself by more than `noise`, so that nothing is said. (Spread alone shows in the width of the change's own interval;
/// asking for a narrow self-interval too would only cost a third of the slowdowns among spikes.)
Change judge(const TimeRun& run, const TimeLimits& limits = {});

/// Whether a first run wants a fresh one: anything but `same`.
bool wants_confirmation(const TimeRun& first, const TimeLimits& limits = {});

/// The verdict of the first run and, where that was not `same`, of a fresh one:
///   same                 pass
///   slower, slower       fail
///   faster, faster       improved
///   any other, same      pass, unless the first said slower: then unsure, as is all the rest
CheckRecord check_time(const std::string& id, const TimeRun& first, const std::optional<TimeRun>& second,
                       const TimeLimits& limits = {});

}  // namespace ringattn
