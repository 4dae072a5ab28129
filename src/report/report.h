#pragma once

#include "compare/outcome.h"
#include "compare/verdict.h"
#include "config/environment.h"
#include "config/json.h"
#include "config/resolve.h"
#include "config/workload.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

// What a run found, as plain data. Each field here is a key of the JSON report (results/report.schema.json), under the
// same name.

inline constexpr std::string_view report_schema = "ringattn.report";
/// Major: readers must change. Minor: fields were added.
inline constexpr std::string_view report_schema_version = "1.2.0";

/// Where a number comes from.
enum class Mark { measured, rehearsed, priced };
std::string_view to_string(Mark mark);

/// What became of one argument of an old constructor.
struct OldParameterRecord {
  std::string parameter;
  std::string value;  ///< as JSON
  std::string fate;   ///< kept, renamed, dropped or refused
  std::string field;  ///< of the new configuration, or axis of the workload; "" where there is none
  std::string words;  ///< why
  bool operator==(const OldParameterRecord&) const = default;
};

/// What was run, after command line, environment, preset and defaults: a report that differs here must not be resumed.
struct ResolvedRecord {
  std::string preset;
  std::string legacy;  ///< "" when there is no old implementation, "oracle" for --old oracle
  bool as_shipped = false;
  std::string candidate;
  std::string new_config = "preserving";  ///< preserving, guide or given
  Json config = Json::object();           ///< every RingAttentionConfig field
  Json workload = Json::object();         ///< every axis
  std::string inputs;                     ///< "counter", or the file given with --inputs
  std::string distribution = "normal";    ///< of generated inputs
  std::int64_t seed = 0;                  ///< of inputs, masks and dropout
  bool is_training = false;               ///< --train: the configuration's dropout acts
  std::string projection = "none";        ///< layers around the attention: none, identity, random, or a file
  std::string old_config;                 ///< --config: the file of old constructor arguments; "" for none
  std::vector<OldParameterRecord> old_parameters;  ///< each of them
  double rtol = 1e-3;
  double atol = 1e-5;
  std::int64_t timing_pairs = 0;
  std::int64_t warmup = 0;
  std::vector<Provenance> provenance;  ///< where values that are no defaults came from; may differ when resuming
  bool operator==(const ResolvedRecord&) const = default;
};

/// What was asked for, what ran, and why it is not the same ("" where it is).
struct AskedRan {
  std::string asked;
  std::string ran;
  std::string why;
  bool operator==(const AskedRan&) const = default;
};

/// A value between the bounds of its interval (order statistics of the samples, at least 95 %).
struct IntervalRecord {
  double median = 0.0;
  double low = 0.0;
  double high = 0.0;
  bool operator==(const IntervalRecord&) const = default;
};

/// Exact counts of one rank in one forward pass.
struct RankRecord {
  std::int64_t rank = 0;
  std::int64_t peak_bytes = 0;  ///< above the inputs
  std::int64_t live_bytes = 0;  ///< peak with the inputs
  std::int64_t sent_bytes = 0;
  std::int64_t received_bytes = 0;
  std::int64_t messages = 0;       ///< sent
  std::int64_t rows_received = 0;  ///< K/V rows that travelled to it; a row is one head's position
  bool operator==(const RankRecord&) const = default;
};

/// What the plan predicts, to stand beside the counts.
struct PriceRecord {
  std::int64_t peak_bytes_max = 0;
  std::int64_t sent_bytes_total = 0;
  std::int64_t messages_total = 0;
  std::int64_t rows_travelled = 0;
  std::int64_t flops_total = 0;
  bool operator==(const PriceRecord&) const = default;
};

/// One implementation in one case.
struct ImplementationRecord {
  std::string id;
  std::string function;  ///< name of what it computes, with its axes where it has none
  Mark mark = Mark::measured;
  std::string metered = "attention";  ///< what bytes, traffic and times are of: "module" holds projections too
  AskedRan backend;
  AskedRan layout;
  std::vector<RankRecord> ranks;
  std::vector<std::int64_t> time_ns;  ///< every sample, the maximum over ranks, in the order they were taken
  std::optional<IntervalRecord> time_ns_median;
  /// bench: time on these ranks / time on one rank of the same machine, of paired samples.
  std::optional<IntervalRecord> time_over_one_rank;
  std::optional<PriceRecord> price;
  bool operator==(const ImplementationRecord&) const = default;
};
std::int64_t peak_bytes_max(const ImplementationRecord& record);
std::int64_t sent_bytes_max(const ImplementationRecord& record);
std::int64_t sent_bytes_total(const ImplementationRecord& record);
std::int64_t rows_travelled(const ImplementationRecord& record);

/// One finished case.
struct CaseRecord {
  std::string id;  ///< case_id(axes)
  Case axes;
  std::optional<ImplementationRecord> legacy;
  ImplementationRecord candidate;
  std::optional<Outcome> outcome;  ///< absent in a bench, which judges nothing
  std::string words;               ///< the outcome in a sentence
  std::vector<std::string> explanation;
  std::string accepted;  ///< reason of the --accept entry, "" when there is none
  std::optional<NumericVerdict> candidate_against_oracle;
  std::optional<NumericVerdict> legacy_against_oracle;
  std::optional<NumericVerdict> legacy_against_candidate;
  std::optional<IntervalRecord> time_ratio;  ///< old / new, of paired samples: above 1 the new one is faster
  double covered_share = 1.0;                ///< share of (row, head) results that some pair computes; the rest is 0
  std::int64_t metering_ns = 0;              ///< cost of the untimed metering pass
  std::int64_t oracle_ns = 0;                ///< cost of the oracle
  std::vector<std::string> warnings;
  std::string repro;  ///< the command that runs this case alone
  bool operator==(const CaseRecord&) const = default;
};

struct SkippedRecord {
  std::string id;
  std::string reason;
  bool operator==(const SkippedRecord&) const = default;
};

struct SummaryRecord {
  std::int64_t cases = 0;  ///< finished
  std::int64_t skipped = 0;
  std::int64_t accepted = 0;
  std::map<std::string, std::int64_t>
      outcomes;  ///< how many finished cases had each outcome; outcomes that did not occur are left out
  bool operator==(const SummaryRecord&) const = default;
};

struct Report {
  std::string schema{report_schema};
  std::string schema_version{report_schema_version};
  std::string verb;                  ///< compare or bench
  std::vector<std::string> command;  ///< argv
  std::string started_at;            ///< RFC 3339, UTC
  std::int64_t duration_ns = 0;
  Environment environment;
  ResolvedRecord resolved;
  std::vector<CaseRecord> cases;
  std::vector<SkippedRecord> skipped;
  std::vector<std::string> warnings;
  SummaryRecord summary;
  bool interrupted = false;  ///< ended by a signal
  bool complete = false;     ///< every case is finished or skipped
  std::int64_t exit_code = 0;
};

/// Counted from report.cases and report.skipped.
SummaryRecord summarize(const Report& report);

/// Seconds since the epoch as "2026-08-22T09:10:11Z".
std::string rfc3339_utc(std::int64_t seconds_since_epoch);

}  // namespace ringattn
