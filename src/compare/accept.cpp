#include "compare/accept.h"

#include "config/error.h"
#include "config/json.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <fstream>
#include <iterator>

namespace ringattn {
namespace {

const std::vector<std::string> entry_keys{"case", "outcome", "reason", "expires"};
const std::vector<std::string> acceptable_outcomes{"different_function",   "new_wrong",   "old_defective",
                                                   "undefined_as_shipped", "unexplained", "raises"};

bool is_date(const std::string& text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  for (const std::size_t i : {0, 1, 2, 3, 5, 6, 8, 9}) {
    if (text[i] < '0' || text[i] > '9') return false;
  }
  const std::chrono::year_month_day date{std::chrono::year{std::stoi(text.substr(0, 4))},
                                         std::chrono::month{static_cast<unsigned>(std::stoi(text.substr(5, 2)))},
                                         std::chrono::day{static_cast<unsigned>(std::stoi(text.substr(8, 2)))}};
  return date.ok();
}

std::string filled(const JsonValue& entry, const std::string& key) {
  const JsonValue value = entry.require(key);
  std::string text = value.string();
  if (text.empty()) value.refuse("must not be empty");
  return text;
}

AcceptEntry entry_from(const JsonValue& value) {
  value.allow_only(entry_keys);
  AcceptEntry entry;
  entry.case_pattern = filled(value, "case");
  entry.outcome = *outcome_from(value.require("outcome").word(acceptable_outcomes));
  entry.reason = filled(value, "reason");
  entry.expires = value.require("expires").string();
  if (!is_date(entry.expires)) value.require("expires").refuse("must be a date YYYY-MM-DD");
  return entry;
}

bool covers(const AcceptEntry& entry, const CaseOutcome& found) {
  return entry.outcome == found.outcome && glob_matches(entry.case_pattern, found.case_id);
}

/// The first entry that counts for this case, -1 when none does; marks every entry that applies as used.
std::int64_t accepting_entry(const std::vector<AcceptEntry>& entries, const CaseOutcome& found, std::string_view today,
                             std::vector<bool>& used) {
  std::int64_t accepting = -1;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (!covers(entries[i], found)) continue;
    used[i] = true;
    if (accepting < 0 && entries[i].expires >= today) accepting = static_cast<std::int64_t>(i);
  }
  return accepting;
}

std::string describe_entry(const AcceptEntry& entry, std::size_t index) {
  return fmt::format("--accept entry {} ({}, {})", index, entry.case_pattern, to_string(entry.outcome));
}

}  // namespace

std::vector<AcceptEntry> parse_accept(std::string_view json_text, const std::string& source) {
  const Json document = parse_json_strict(json_text, source);
  const JsonValue root(document, source);
  if (!root.is_array()) root.refuse("must be a list of {case, outcome, reason, expires}");
  if (document.empty()) return {};
  std::vector<AcceptEntry> entries;
  for (const JsonValue& value : root.elements()) entries.push_back(entry_from(value));
  return entries;
}

std::vector<AcceptEntry> load_accept(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw UsageError(fmt::format("--accept {}: cannot be read", path.string()));
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return parse_accept(text, path.string());
}

AcceptResult apply_accept(const std::vector<AcceptEntry>& entries, const std::vector<CaseOutcome>& cases,
                          std::string_view today) {
  AcceptResult result;
  std::vector<bool> used(entries.size(), false);
  result.all_good = !cases.empty();
  for (const CaseOutcome& found : cases) {
    const bool matches = found.outcome == Outcome::match;
    const std::int64_t entry = matches ? -1 : accepting_entry(entries, found, today, used);
    result.entry_of_case.push_back(entry);
    if (!matches && entry < 0) result.all_good = false;
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].expires < today)
      result.warnings.push_back(
          fmt::format("{} expired on {} and no longer counts", describe_entry(entries[i], i), entries[i].expires));
    else if (!used[i])
      result.warnings.push_back(fmt::format("{} accepted nothing", describe_entry(entries[i], i)));
  }
  return result;
}

std::string today_utc() { return fmt::format("{:%Y-%m-%d}", fmt::gmtime(std::time(nullptr))); }

bool glob_matches(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;  // the last * seen, and where in text it is taken to end
  std::size_t star_end = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_end = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_end;
    } else {
      return false;
    }
  }
  return std::all_of(pattern.begin() + static_cast<std::ptrdiff_t>(p), pattern.end(), [](char c) { return c == '*'; });
}

}  // namespace ringattn
