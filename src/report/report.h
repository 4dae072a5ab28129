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
inline constexpr std::string_view report_schema_version = "1.3.0";

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
  std::string new_config = "preserving";           ///< preserving, guide or given
  Json config = Json::object();                    ///< every RingAttentionConfig field
  Json workload = Json::object();                  ///< every axis
  std::string inputs;                              ///< "counter", or the file given with --inputs
  std::string distribution = "normal";             ///< of generated inputs
  std::int64_t seed = 0;                           ///< of inputs, masks and dropout
  bool is_training = false;                        ///< --train: the configuration's dropout acts
  std::string projection = "none";                 ///< layers around the attention: none, identity, random, or a file
  bool with_projection = false;                    ///< --with-projection: both orders of split and projection
  std::string old_config;                          ///< --config: the file of old constructor arguments; "" for none
  std::vector<OldParameterRecord> old_parameters;  ///< each of them
  double rtol = 1e-3;
  double atol = 1e-5;
  std::int64_t timing_pairs = 0;
  std::int64_t warmup = 0;
  std::string rehearse;                ///< bench --rehearse: ranks, link and contention; "" where ranks are measured
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
  std::int64_t kernel_bytes_max = 0;  ///< what of it one call of the library's kernel takes for itself
  std::int64_t sent_bytes_total = 0;
  std::int64_t messages_total = 0;
  std::int64_t rows_travelled = 0;
  std::int64_t flops_total = 0;
  bool operator==(const PriceRecord&) const = default;
};

/// How a rehearsed world was made: one rank's real plan, with a model in place of the wires.
struct RehearsalRecord {
  std::vector<std::int64_t> rehearsed_ranks;  ///< of the k ranks; all of them, or those asked for
  std::string link;                           ///< name of the model, or "given"
  double link_gb_s = 0.0;                     ///< 1e9 bytes a second, each direction
  double link_us = 0.0;                       ///< latency of a message
  double contention = 1.0;                    ///< kernels take this much longer while a transfer is in flight
  bool operator==(const RehearsalRecord&) const = default;
};

/// What follows from an implementation's times, said so that no reader has to work it out.
struct RateRecord {
  double tokens_per_s = 0.0;          ///< positions of all batch indices
  std::optional<double> flops_per_s;  ///< priced operations; absent without a plan
  std::optional<double> retention;    ///< share of one rank's speed that is kept, see retention_of()
  std::optional<double> exposed_ns_median;
  bool operator==(const RateRecord&) const = default;
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
  /// Per sample of time_ns: how long the slowest rank stood waiting for rows, the part of communication that compute
  /// did not hide.
  std::vector<std::int64_t> exposed_ns;
  std::optional<double> time_ns_priced;      ///< bench --project or a calibrated machine: what the price says it takes
  std::optional<RehearsalRecord> rehearsal;  ///< where mark is rehearsed
  std::optional<RateRecord> rates;           ///< bench: of the median time; of the priced time where mark is priced
  bool operator==(const ImplementationRecord&) const = default;
};
/// What stands in a file may be any integers: a sum beyond 64 bits is the largest or smallest one.
std::int64_t sum_of(std::int64_t a, std::int64_t b);
std::int64_t peak_bytes_max(const ImplementationRecord& record);
std::int64_t sent_bytes_max(const ImplementationRecord& record);
std::int64_t sent_bytes_total(const ImplementationRecord& record);
std::int64_t rows_travelled(const ImplementationRecord& record);

/// compare --with-projection: the module around the new attention in one of its orders.
struct ProjectionOrderRecord {
  std::string order;                     ///< split_first or project_first
  std::int64_t projected_rows_max = 0;   ///< rows of x that a rank projects
  std::int64_t projected_bytes_max = 0;  ///< of query, key and value of these rows
  std::vector<RankRecord> ranks;         ///< of the whole module
  std::vector<std::int64_t> time_ns{};
  std::optional<IntervalRecord> time_ns_median{};
  NumericVerdict against_oracle{};
  bool operator==(const ProjectionOrderRecord&) const = default;
};

/// Both of them.
struct ProjectionOrdersRecord {
  std::vector<ProjectionOrderRecord> orders;  ///< split_first, project_first
  NumericVerdict against_each_other;          ///< project_first judged against split_first
  std::optional<IntervalRecord> time_ratio;   ///< project_first / split_first, of paired samples
  bool operator==(const ProjectionOrdersRecord&) const = default;
};

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
  std::string repro;                                          ///< the command that runs this case alone
  std::optional<ProjectionOrdersRecord> projection_orders{};  ///< compare --with-projection
  bool operator==(const CaseRecord&) const = default;
};

/// How one quantity of one implementation grows along one axis, all other axes being equal:
///   quantity = c · axis^exponent, least squares over (log axis, log quantity).
struct ScalingRecord {
  std::string implementation;
  std::string quantity;            ///< peak_bytes, live_bytes, sent_bytes or time_ns
  std::string axis;                ///< seq_len or ranks
  std::string among;               ///< the other axes, as in a case id
  std::vector<double> at;          ///< values of the axis
  std::vector<double> values;      ///< of the quantity
  std::vector<std::string> marks;  ///< measured, rehearsed or priced, one each
  double exponent = 0.0;
  double low = 0.0;  ///< interval of the exponent, 95 %
  double high = 0.0;
  std::optional<double> expected;  ///< exponent of the priced values at the same places
  std::string verdict;             ///< yes, no or "" where nothing is expected
  std::string words;               ///< such as "O(n/k): yes"
  bool operator==(const ScalingRecord&) const = default;
};

/// How well a price foretold one measured or rehearsed row.
struct PredictionRecord {
  std::string id;
  std::string implementation;
  std::string quantity;  ///< time_ns, peak_bytes, sent_bytes
  Mark against = Mark::measured;
  double predicted = 0.0;
  double found = 0.0;
  double relative_error = 0.0;  ///< (predicted - found) / found
  bool operator==(const PredictionRecord&) const = default;
};

/// What one rule of the gate found. fresh ("new"): there is nothing to compare with yet; stale: a baseline entry that
/// no case produced.
enum class CheckStatus { pass, fail, improved, unsure, fresh, stale };
std::string_view to_string(CheckStatus status);

/// One rule of the gate applied to one case, or to the cases that an exponent is fitted over.
struct CheckRecord {
  std::string rule;  ///< numeric, traffic, peak_bytes, flops, exponent, time or baseline
  std::string id;    ///< of the case, or what the cases of a fit share
  CheckStatus status = CheckStatus::pass;
  std::string words;
  bool operator==(const CheckRecord&) const = default;
};

/// bench: what was decided beforehand for one case, to fit memory and time. A resumed run keeps to it.
struct PlannedRecord {
  std::string id;
  Mark mark = Mark::measured;
  std::optional<std::int64_t> rank;        ///< the one that is rehearsed
  std::int64_t pairs = 0;                  ///< to time
  std::optional<double> time_ns_expected;  ///< for all of it, inputs and oracle included
  std::string why;  ///< it is not measured, or in fewer pairs; "" where nothing stands against it
  bool operator==(const PlannedRecord&) const = default;
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
  std::string verb;                  ///< compare, bench or gate
  std::vector<std::string> command;  ///< argv
  std::string started_at;            ///< RFC 3339, UTC
  std::int64_t duration_ns = 0;
  Environment environment;
  ResolvedRecord resolved;
  std::vector<CaseRecord> cases;
  std::vector<ScalingRecord> scaling;         ///< bench: fitted exponents
  std::vector<PredictionRecord> predictions;  ///< bench: prices against what was found
  std::vector<CheckRecord> checks;            ///< gate: every rule of every case
  std::vector<SkippedRecord> skipped;
  std::vector<std::string> warnings;
  SummaryRecord summary;
  bool interrupted = false;  ///< ended by a signal
  bool complete = false;     ///< every case is finished or skipped
  std::int64_t exit_code = 0;
  std::vector<PlannedRecord> planned;  ///< bench: empty where every case fits
};

/// Counted from report.cases and report.skipped.
SummaryRecord summarize(const Report& report);

/// Seconds since the epoch as "2026-08-22T09:10:11Z".
std::string rfc3339_utc(std::int64_t seconds_since_epoch);

}  // namespace ringattn
