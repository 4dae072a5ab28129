#pragma once

#include "config/json.h"
#include "tests/mutants/mutant.h"
#include "tests/mutants/trial.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ringattn::mutants {

/// What a comparer of others does with right results, by dtype: alarms among so many.
struct ComparerAlarms {
  std::int64_t right = 0;
  std::map<std::string, std::int64_t> alarms{};
};

/// Everything that a run found.
struct MutationResults {
  std::vector<Mutant> mutants;
  std::vector<Finding> findings;
  std::map<std::string, ComparerAlarms> on_right_results;  ///< by dtype
  bool is_whole = true;                                    ///< every mutant in every combination
  std::int64_t valid_cases = 0;
  std::vector<std::string> alarms;  ///< valid cases that the judge failed
  std::uint64_t seed = 0;
  double duration_s = 0.0;

  /// Mutants that were missed somewhere or, in a whole run, caught in no fp32 combination.
  std::vector<std::string> escaped() const;
  bool is_good() const { return escaped().empty() && alarms.empty(); }
};

Json to_json(const MutationResults& results);
/// The tables for people.
std::string to_markdown(const MutationResults& results);
/// A few lines.
std::string summary(const MutationResults& results);

}  // namespace ringattn::mutants
