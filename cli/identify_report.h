#pragma once

#include "cli/identify.h"
#include "compare/gradient_identity.h"
#include "config/json.h"
#include "report/text.h"

#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// A configuration that was run on the recorded inputs.
struct PreservedBy {
  RingAttentionConfig config{};
  std::string name{};       ///< of the entry or pattern that it computes
  std::string condition{};  ///< when that holds
  int ranks = 1;
  double ratio = 0.0;     ///< largest error / tolerance of the new implementation against the recording
  std::string problem{};  ///< why it could not be run; empty: it was
  bool reproduces() const { return problem.empty() && ratio <= 1.0; }
};

/// Everything that is said of one recording.
struct IdentityReport {
  const UserRecording* recording = nullptr;
  OldCall call{};
  OldIdentity identity{};
  FitTolerance tolerance{};
  std::optional<PreservedBy> preserved{};
  std::optional<double> lse_ratio{};  ///< of the recorded lse against the oracle's; none: nothing to judge it by
  std::optional<GradientIdentity> gradients{};  ///< none: nothing to judge, or to judge it by
  bool is_yes() const { return preserved && preserved->reproduces(); }
};

std::string identity_text(const IdentityReport& report, const TextStyle& style);
/// By results/identification.schema.json.
Json identity_json(const IdentityReport& report);

/// The tensors of results that the file has.
std::vector<std::string> result_names(const UserRecording& recording);

/// Why no configuration preserves it, or what would help: one or more sentences.
std::string reason_text(const IdentityReport& report);

}  // namespace ringattn
