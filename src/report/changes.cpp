#include "report/changes.h"

#include "config/json.h"
#include "report/quantity.h"
#include "report/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <utility>

namespace ringattn {
namespace {

using StateKey = std::pair<std::string, std::string>;

/// Of several states of one implementation in one case each says what the earlier ones do not.
std::map<StateKey, CaseState> by_key(const std::vector<CaseState>& states) {
  std::map<StateKey, CaseState> map;
  for (const CaseState& state : states) {
    const auto [place, is_new] = map.try_emplace({state.id, state.implementation}, state);
    if (is_new) continue;
    CaseState& known = place->second;
    if (!state.outcome.empty()) known.outcome = state.outcome;
    if (!known.time_ns) known.time_ns = state.time_ns;
  }
  return map;
}

void compare_count(const char* what, std::optional<double> before, std::optional<double> now,
                   std::vector<Change>& out) {
  if (!before || !now || *before == *now) return;
  const std::int64_t difference = std::llround(*now - *before);
  out.push_back({"", "",
                 fmt::format("{} {} → {} ({}{})", what, human_count(std::llround(*before)),
                             human_count(std::llround(*now)), difference > 0 ? "+" : "", human_count(difference)),
                 difference > 0 ? Tone::bad : Tone::good, false});
}

void compare_outcome(const CaseState& before, const CaseState& now, std::vector<Change>& out) {
  if (before.outcome == now.outcome || before.outcome.empty() || now.outcome.empty()) return;
  const Tone tone = now.outcome == "match" ? Tone::good : before.outcome == "match" ? Tone::bad : Tone::unsure;
  out.push_back({"", "", fmt::format("outcome {} → {}", before.outcome, now.outcome), tone, false});
}

void compare_time(const CaseState& before, const CaseState& now, Changes& changes, std::vector<Change>& out) {
  if (!before.time_ns || !now.time_ns) return;
  if (before.machine != now.machine) {
    ++changes.times_uncompared;
    return;
  }
  if (!has_interval(*before.time_ns) || !has_interval(*now.time_ns)) return;
  const bool faster = now.time_ns->high < before.time_ns->low;
  const bool slower = now.time_ns->low > before.time_ns->high;
  if (!faster && !slower) return;
  const double ratio = before.time_ns->median / now.time_ns->median;
  out.push_back({"", "",
                 fmt::format("time {} → {}: {} {}", human_time(before.time_ns->median), human_time(now.time_ns->median),
                             human_ratio(faster ? ratio : 1.0 / ratio), faster ? "faster" : "slower"),
                 faster ? Tone::good : Tone::bad, false});
}

std::vector<Change> compare_states(const CaseState& before, const CaseState& now, Changes& changes) {
  std::vector<Change> found;
  compare_outcome(before, now, found);
  compare_count("peak bytes", before.peak_bytes, now.peak_bytes, found);
  compare_count("bytes sent", before.sent_bytes, now.sent_bytes, found);
  compare_count("messages", before.messages, now.messages, found);
  compare_time(before, now, changes, found);
  for (Change& change : found) {
    change.id = now.id;
    change.implementation = now.implementation;
  }
  return found;
}

/// The machine, not the build: times before and after a change of the program are what is to be compared.
std::string machine_of(const Environment& e) {
  std::string text = fmt::format("{}/{}/{}/{}", e.cpu_model, e.cpu_cores_usable, e.build_type, e.threads_intra_op);
  for (const std::string& gpu : e.gpus) text += "/" + gpu;
  return text;
}

std::optional<double> sum_of(const JsonValue& array) {
  double sum = 0.0;
  for (const JsonValue& element : array.elements())
    sum += static_cast<double>(element.integer(std::numeric_limits<std::int64_t>::min()));
  return sum;
}

/// "ci/standard/…": the second word is the implementation.
std::string implementation_of(const std::string& setting) {
  const std::size_t first = setting.find('/');
  if (first == std::string::npos) return setting;
  return setting.substr(first + 1, setting.find('/', first + 1) - first - 1);
}

}  // namespace

std::vector<CaseState> states_of(const Collection& collection) {
  std::vector<CaseState> states;
  for (const CollectionRow& row : rows_of(collection)) {
    const ImplementationRecord& r = *row.implementation;
    const bool judged = row.record->outcome && !row.is_legacy;
    states.push_back({row.record->id, r.mark == Mark::measured ? r.id : fmt::format("{} ({})", r.id, to_string(r.mark)),
                      judged ? std::string(to_string(*row.record->outcome)) : "", peak_bytes_of(r), sent_bytes_of(r),
                      messages_of(r), r.time_ns_median, machine_of(row.run->source.report.environment)});
  }
  return states;
}

std::vector<CaseState> states_of_baseline(std::string_view text, const std::string& source) {
  std::vector<CaseState> states;
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string where = fmt::format("{}:{}", source, number);
    const Json json = parse_json_strict(text.substr(0, end), where);
    const JsonValue line(json, where);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (number == 1 && line.require("schema").string() != "ringattn.baseline")
      line.require("schema").refuse("is no baseline: must be \"ringattn.baseline\"");
    if (!line.find("case") || !line.find("messages")) continue;
    CaseState state{line.require("case").string(), implementation_of(line.require("setting").string()), ""};
    state.sent_bytes = sum_of(line.require("sent_bytes"));
    state.messages = sum_of(line.require("messages"));
    states.push_back(std::move(state));
  }
  return states;
}

Changes changes_between(const std::vector<CaseState>& before, const std::vector<CaseState>& now,
                        const std::string& baseline) {
  Changes changes;
  changes.baseline = baseline;
  const std::map<StateKey, CaseState> old_states = by_key(before);
  const std::map<StateKey, CaseState> new_states = by_key(now);
  for (const auto& [key, state] : new_states) {
    const auto old = old_states.find(key);
    if (old == old_states.end()) {
      changes.changes.push_back({state.id, state.implementation, "new", Tone::plain, true});
      continue;
    }
    ++changes.compared;
    const std::vector<Change> found = compare_states(old->second, state, changes);
    if (found.empty()) ++changes.unchanged;
    changes.changes.insert(changes.changes.end(), found.begin(), found.end());
  }
  for (const auto& [key, state] : old_states) {
    if (!new_states.contains(key))
      changes.changes.push_back({state.id, state.implementation, "no longer there", Tone::unsure, true});
  }
  return changes;
}

std::string changes_line(const Changes& changes) {
  std::size_t added = 0;
  std::size_t gone = 0;
  for (const Change& change : changes.changes) {
    if (change.words == "new") ++added;
    if (change.words == "no longer there") ++gone;
  }
  std::string line = fmt::format("{} compared with {}: {} unchanged, {} changed", changes.compared, changes.baseline,
                                 changes.unchanged, changes.compared - changes.unchanged);
  if (added > 0) line += fmt::format(", {} new", added);
  if (gone > 0) line += fmt::format(", {} no longer there", gone);
  if (changes.times_uncompared > 0)
    line += fmt::format("; {} times are of another machine and not compared", changes.times_uncompared);
  return line + ".";
}

}  // namespace ringattn
