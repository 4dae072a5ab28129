#pragma once

#include "cli/compare_options.h"
#include "cli/old_config.h"
#include "cli/old_side.h"
#include "cli/workbench.h"
#include "compare/accept.h"
#include "config/resolve.h"
#include "report/report.h"

#include <memory>
#include <string>
#include <vector>

namespace ringattn {

/// What `compare` was asked for, looked up and checked: nothing has run yet.
struct CompareSetup {
  Resolved resolved;
  std::string candidate;
  std::unique_ptr<OldSide> old;  ///< null: the new one against the oracle alone
  OldConfig old_config;          ///< --config; empty without it
  RingAttentionConfig config;    ///< of the new one
  std::vector<AcceptEntry> accepted;
  std::vector<Case> cases;
  bool with_projection = false;  ///< both orders of split and projection
  std::string projection;        ///< as it will be: "none", "identity", "random" or FILE.safetensors[#SET]
  std::vector<std::string> warnings;
};

/// Throws UsageError or Unavailable for what has no meaning or cannot run here.
CompareSetup set_up_compare(const CompareOptions& options, Workbench& bench);

/// The report that the run begins with: everything but cases.
Report begin_compare_report(const CompareOptions& options, const CompareSetup& setup);

}  // namespace ringattn
