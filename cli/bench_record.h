#pragma once

#include "cli/bench_rehearse.h"
#include "cli/bench_setup.h"
#include "cli/contenders.h"
#include "cli/terminal.h"
#include "cli/workbench.h"
#include "report/report.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// One implementation in one case, and what was measured of it.
struct Runner {
  Contender contender{};
  ImplementationRecord record{};
  std::int64_t metering_ns = 0;
  std::int64_t oracle_ns = 0;
  std::optional<NumericVerdict> against_oracle{};  ///< of a rehearsal
};

/// Makes a bench's records: what was counted, what is priced beside it, and the command that repeats a case.
class BenchRecorder {
 public:
  /// All references must outlive the object.
  BenchRecorder(const BenchOptions& options, const BenchSetup& setup, Workbench& bench, Terminal& terminal)
      : options_(options), setup_(setup), bench_(bench), terminal_(terminal) {}

  /// Runs it once on all ranks under the meter, and tells of the calls as the configuration asks.
  Runner metered(Contender contender);
  Runner rehearsed(RehearsedContender run) const;

  /// What is run of it: backward of the old ones is autograd's.
  Pass pass_of(const Contender& contender) const;

  /// The first implementation stands on the old side of every other; alone, it is the case. `runners` holds all
  /// implementations of a case side by side; `rehearsal` is what they were rehearsed by, null: they were measured.
  std::vector<CaseRecord> records_of(const std::vector<Runner>& runners, const RehearsalPlan* rehearsal) const;

 private:
  void describe(ImplementationRecord& record, const Contender& contender) const;
  void price(ImplementationRecord& record, const Contender& contender);
  CaseRecord record_of(const Runner& runner, const RehearsalPlan* rehearsal) const;
  std::string repro(const Case& axes, const RehearsalPlan* rehearsal) const;

  const BenchOptions& options_;
  const BenchSetup& setup_;
  Workbench& bench_;
  Terminal& terminal_;
};

}  // namespace ringattn
