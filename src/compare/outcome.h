#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ringattn {

/// The answer for one case (DESIGN 5.7).
enum class Outcome { match, different_function, new_wrong, old_defective, undefined_as_shipped, unexplained, raises };
std::string_view to_string(Outcome outcome);
/// The inverse; nullopt for a word that is no outcome.
std::optional<Outcome> outcome_from(std::string_view word);

/// Everything the outcome depends on.
struct OutcomeFacts {
  std::string candidate = "new";   ///< id of the new implementation
  std::string legacy = "old";      ///< id of the old one
  std::string candidate_function;  ///< name of what the new one computes ("dilated_keys")
  std::string legacy_function;     ///< name of what the old one is meant to compute
  bool candidate_equals_oracle = false;
  std::string candidate_overspends{};  ///< where it spent other bytes or messages than its plan has; "" where nowhere
  /// nullopt: there is no old implementation (--old oracle), or it raised.
  std::optional<bool> legacy_equals_oracle;
  /// At rtol and atol; nullopt where it says nothing (low precision, another function).
  std::optional<bool> legacy_equals_candidate;
  bool index_sets_equal = true;  ///< both functions let each query attend the same keys and join them alike
  std::optional<std::string> reproducing_defect;  ///< the named defect that, added to the oracle, gives old's numbers
  std::optional<std::string> rounds_in;         ///< the low-precision dtype in which alone old differs from its oracle
  std::optional<std::string> legacy_raised;     ///< what the released class raised
  std::optional<std::string> legacy_undefined;  ///< why old has no single answer (race, unseeded mask)
};

struct OutcomeAndWords {
  Outcome outcome = Outcome::unexplained;
  std::string words;  ///< one sentence for people
};

/// The first that holds: new_wrong (other numbers than its oracle's, or other costs than its plan's); raises;
/// undefined_as_shipped; match or different_function (old = its oracle); old_defective; unexplained. Without an old
/// implementation, a right new one is a match with the oracle. Equal index sets whose results differ beyond rtol and
/// atol although each equals its oracle are unexplained.
OutcomeAndWords decide(const OutcomeFacts& facts);

}  // namespace ringattn
