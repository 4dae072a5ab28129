#include "compare/first_bad_step.h"

#include <fmt/format.h>

namespace ringattn {

std::string to_string(const FirstBadStep& bad) {
  const std::string& reason = bad.verdict.reason;
  if (bad.what == FirstBadStep::What::returned_sums)
    return fmt::format("rank {}'s dk and dv are wrong when the sums of hop {} have come home from rank {}: {}",
                       bad.rank, bad.hop, bad.source, reason);
  const std::string whose = bad.what == FirstBadStep::What::gradients ? fmt::format("backward of rank {}", bad.rank)
                                                                      : fmt::format("rank {}", bad.rank);
  if (bad.hop == FirstBadStep::finish)
    return fmt::format("{} is right after each hop, and returns something else: {}", whose, reason);
  if (bad.hop == 0) return fmt::format("{} is wrong from its own keys on (hop 0): {}", whose, reason);
  return fmt::format("{} is right until hop {} (keys of rank {}): {}", whose, bad.hop, bad.source, reason);
}

}  // namespace ringattn
