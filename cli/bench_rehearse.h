#pragma once

#include "cli/contenders.h"
#include "cli/workbench.h"
#include "config/link.h"
#include "measure/rehearsal.h"
#include "report/report.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// `--rehearse RANK/K` or `all/K`: which ranks of how many.
struct RehearsedRanks {
  std::optional<std::int64_t> rank;  ///< none: all, one after another
  std::int64_t world_size = 1;
  std::vector<std::int64_t> ranks() const;
};
/// UsageError that begins with "--rehearse".
RehearsedRanks parse_rehearsed_ranks(const std::string& text);

/// What a rehearsal was asked to be.
struct RehearsalPlan {
  RehearsedRanks ranks{};
  Link link{};
  double contention = 1.0;
};
/// "17/64 link nvlink4 370,6 contention 1.08", for the report.
std::string to_string(const RehearsalPlan& plan);

/// How long to time, and what to say meanwhile.
struct RehearsalTiming {
  std::int64_t pairs = 0;  ///< 0: none
  std::chrono::milliseconds timeout{30'000};
  std::function<bool()> interrupted;  ///< asked between runs; true ends the rehearsal without a result
  std::function<bool()> over_budget;  ///< asked before each timed run; true leaves the rest out
  std::function<void(const std::string&)> progress;
  Pass pass = Pass::forward;  ///< both: dq of the judged rows is judged too, and what they contribute to own keys
};

/// One implementation, rehearsed.
struct RehearsedContender {
  Contender contender{};
  ImplementationRecord record{};
  std::optional<NumericVerdict> against_oracle{};  ///< of the rehearsed ranks' rows, all or sampled; none: old
  std::int64_t metering_ns = 0;
  std::int64_t oracle_ns = 0;
};

/// The most rows of all rehearsed ranks together that are judged in a case of this size.
std::int64_t judged_rows_max(const Case& axes);

/// Rehearses contenders of one case, rank after rank: one metered run each, judged against the oracle, then timed runs
/// in interleaved order. A record's time is the maximum over the rehearsed ranks, sample by sample, of the samples that
/// every rank has; its price is that of these ranks. Empty after an interruption. Unavailable for an old implementation
/// whose exchange has no model, which backward never has.
std::vector<RehearsedContender> rehearse(std::vector<Contender> contenders, Workbench& bench, const RehearsalPlan& plan,
                                         const RehearsalTiming& timing);

}  // namespace ringattn
