#pragma once

#include "report/report.h"

#include <optional>

namespace ringattn {

// One number of one implementation in one case, wherever the report holds it. nullopt: the report does not say.

/// Of the largest rank, above the inputs; where mark is priced, what the plan says.
std::optional<double> peak_bytes_of(const ImplementationRecord& r);
/// Of the largest rank, with the inputs.
std::optional<double> live_bytes_of(const ImplementationRecord& r);
/// All ranks (of a rehearsal: the rehearsed ones).
std::optional<double> sent_bytes_of(const ImplementationRecord& r);
std::optional<double> messages_of(const ImplementationRecord& r);
std::optional<double> rows_travelled_of(const ImplementationRecord& r);
/// Median; where mark is priced, the priced time.
std::optional<double> time_ns_of(const ImplementationRecord& r);
/// Median of the samples.
std::optional<double> exposed_ns_of(const ImplementationRecord& r);
/// The share of one rank's speed that k ranks keep; 1 is perfect.
///   measured ranks share out the cores that one rank has alone:  time on one / time on k
///   rehearsed ranks have a machine each:                         time on one / (k · time on k)
std::optional<double> retention_of(const CaseRecord& record, const ImplementationRecord& r);
/// Positions a second, of all batch indices.
std::optional<double> tokens_per_s_of(const CaseRecord& record, const ImplementationRecord& r);
std::optional<double> flops_per_s_of(const ImplementationRecord& r);
/// All of these that follow from a time; nullopt where there is none.
std::optional<RateRecord> rates_of(const CaseRecord& record, const ImplementationRecord& r);
/// How long the busiest rehearsed rank's wires are busy by the link model: received bytes / bandwidth + messages ·
/// latency. nullopt where nothing was rehearsed, so no link is known.
std::optional<double> wire_ns_of(const ImplementationRecord& r);

/// Whether the bounds say anything: with too few samples for an interval both are the median.
inline bool has_interval(const IntervalRecord& record) { return record.low < record.high; }

/// Of an odd number of values the middle one, else the mean of the two middle ones; nullopt of none.
std::optional<double> median_of(std::vector<std::int64_t> values);

}  // namespace ringattn
