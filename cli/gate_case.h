#pragma once

#include "cli/workbench.h"
#include "compare/examine.h"
#include "gate/exponents.h"
#include "gate/facts.h"
#include "ring/ring_attention.h"

#include <functional>
#include <string>

namespace ringattn {

/// What the gate runs in one case.
struct GateSubject {
  std::string id;  ///< "standard"
  RingAttentionConfig config{};
  RingAttention& ring;
  Attention* runs = nullptr;  ///< what is run in place of `ring`, whose plan it is held to; null: `ring`
  Pass pass = Pass::forward;
};

/// Runs the case under the meter and judges it against the oracle; times nothing.
CaseRecord examine_for_gate(const Case& axes, const GateSubject& subject, Workbench& bench,
                            const std::function<void(const std::string&)>& progress = {});

/// The facts of a case that was examined, now or in a run that is resumed: what was counted, less the library's share,
/// which is metered here from lone calls (gate/facts.h).
CaseFacts facts_of(const CaseRecord& record, RingAttention& ring, Workbench& bench);

/// For the exponents.
GrowthPoint growth_point(const CaseRecord& record, const CaseFacts& facts);

/// Peak bytes above the inputs, by rank.
std::vector<std::int64_t> peak_bytes_of(const CaseRecord& record);

}  // namespace ringattn
