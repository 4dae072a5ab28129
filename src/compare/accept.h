#pragma once

#include "compare/outcome.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// One line of --accept FILE: an outcome other than match that a project has decided to live with.
struct AcceptEntry {
  std::string case_pattern;  ///< a case id, or a glob with * and ?
  Outcome outcome = Outcome::different_function;
  std::string reason;
  std::string expires;  ///< YYYY-MM-DD, the last day on which it counts
};

/// A case's outcome, as --accept sees it.
struct CaseOutcome {
  std::string case_id;
  Outcome outcome = Outcome::match;
};

struct AcceptResult {
  /// For each case the index of the entry that accepts it, -1 when none does (or the case matches and needs none).
  std::vector<std::int64_t> entry_of_case;
  /// Entries that have expired, and entries that accepted nothing: one sentence each, for stderr and the report.
  std::vector<std::string> warnings;
  /// Whether every case is a match or accepted, and there is at least one: exit code 0, otherwise 1.
  bool all_good = false;
};

/// Parses `[{"case", "outcome", "reason", "expires"} …]`. Every key is required and no other is allowed; UsageError
/// names the JSON pointer, the value and what would be right. `source` is the file's name, for messages.
std::vector<AcceptEntry> parse_accept(std::string_view json_text, const std::string& source);
/// Reads the file. UsageError when it cannot be read.
std::vector<AcceptEntry> load_accept(const std::filesystem::path& path);

/// `today` is YYYY-MM-DD in UTC; an entry counts up to and including its day.
AcceptResult apply_accept(const std::vector<AcceptEntry>& entries, const std::vector<CaseOutcome>& cases,
                          std::string_view today);

/// Today's date in UTC as YYYY-MM-DD.
std::string today_utc();

/// * matches any run of characters, ? one; everything else itself.
bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace ringattn
