#pragma once

#include "compare/verdict.h"
#include "gate/baseline.h"
#include "gate/facts.h"
#include "report/report.h"

#include <cstdint>
#include <string>
#include <vector>

// The gate's rules: values in, checks out. Nothing here runs, reads or prints. A number that is worse than the
// baseline's fails, one that is better is an improvement, whose baseline wants an update; a null baseline gives "new".

namespace ringattn {

/// Every judged value within its tier's limit.
CheckRecord check_numeric(const std::string& id, const NumericVerdict& verdict);

/// traffic, peak_bytes and flops of each rank, by ==: three checks.
std::vector<CheckRecord> check_facts(const CaseFacts& found, const CaseFacts* baseline);

/// Whole peak bytes of each rank, library workspace included, against this class of hosts, by ==.
CheckRecord check_host_peak(const std::string& id, const std::vector<std::int64_t>& peak_bytes,
                            const HostEntry* baseline);

/// A memory exponent, by ==.
CheckRecord check_exponent(const ExponentFact& found, const ExponentFact* baseline);

/// An entry of these settings that no case produced.
CheckRecord stale_entry(const BaselineKey& key);

/// Entries of `baseline` with this setting that `found` lacks.
std::vector<CheckRecord> stale_entries(const DeterministicBaseline& baseline, const DeterministicBaseline& found,
                                       const std::string& setting);

}  // namespace ringattn
