#pragma once

#include "report/report.h"

#include <string>
#include <vector>

namespace ringattn {

/// For each implementation, over cases that differ in seq_len alone or in ranks alone: how peak_bytes and live_bytes of
/// the worst rank, sent_bytes of all ranks and time_ns (median) grow. A place where the quantity is 0 is none; fewer
/// than three places are not fitted. `expected` is the fit of the priced values at the same places, for time that of
/// the operations, where every place has a price.
///
/// peak_bytes carries a verdict, of own bytes: the peak less what one call of the library's kernel takes for itself,
/// which depends on neither n nor k once tiles are cut to the cache.
///   over ranks:   O(n/k) holds where own·k is the same to within a quarter at all places with k >= 3 (there both
///                 receive buffers exist); no verdict with fewer than two of them
///   over seq_len: O(n) holds where own/n at the largest place is at most a quarter above that at the smallest
/// An implementation that gathers n rows has own·k growing with k, so it gets a no.
std::vector<ScalingRecord> scaling_of(const std::vector<CaseRecord>& cases);

/// A line for each verdict, and one for each fitted time: what `bench` prints below its table.
std::vector<std::string> scaling_lines(const std::vector<ScalingRecord>& scaling);

}  // namespace ringattn
