#include "gate/rules.h"

#include <fmt/format.h>

#include <cstdlib>
#include <optional>

namespace ringattn {
namespace {

/// Differences of one rule in one case; more is worse.
struct Differences {
  std::string words;
  bool has_more = false;
  void add(const std::string& sentence, std::int64_t found, std::int64_t expected) {
    const std::int64_t change = found - expected;
    has_more = has_more || change > 0;
    words += fmt::format("{}{}, baseline {}: {} {}", words.empty() ? "" : "; ", sentence, expected, std::abs(change),
                         change > 0 ? "more" : "fewer");
  }
  CheckRecord record(const std::string& rule, const std::string& id, const std::string& equal) const {
    if (words.empty()) return {rule, id, CheckStatus::pass, equal};
    return {rule, id, has_more ? CheckStatus::fail : CheckStatus::improved, words};
  }
};

CheckRecord check_rule(const std::string& rule, const CaseFacts& found, const CaseFacts& baseline) {
  if (found.ranks.size() != baseline.ranks.size())
    return {rule, found.id, CheckStatus::fail,
            fmt::format("{} ranks, baseline {}", found.ranks.size(), baseline.ranks.size())};
  Differences differences;
  for (const RankQuantity& q : rank_quantities) {
    if (q.rule != rule) continue;
    for (std::size_t rank = 0; rank < found.ranks.size(); ++rank) {
      const std::int64_t now = found.ranks[rank].*q.field, then = baseline.ranks[rank].*q.field;
      if (now != then) differences.add(fmt::format("rank {} {} {} {}", rank, q.sentence, now, q.unit), now, then);
    }
  }
  return differences.record(rule, found.id, "as in the baseline");
}

std::string growth(const ExponentFact& fact, double exponent) {
  return fmt::format("{}^{:.6f}", fact.axis == "ranks" ? "k" : "n", exponent);
}

}  // namespace

CheckRecord check_numeric(const std::string& id, const NumericVerdict& verdict) {
  if (verdict.passed) return {"numeric", id, CheckStatus::pass, "within the limits of its tiers"};
  std::string words = "wrong value: " + verdict.reason;
  const TensorVerdict* tensor = most_telling(verdict);
  if (tensor != nullptr && tensor->first_bad_row >= 0 && verdict.reason.find("row") == std::string::npos)
    words += fmt::format(", first in row {}", tensor->first_bad_row);
  return {"numeric", id, CheckStatus::fail, words};
}

std::vector<CheckRecord> check_facts(const CaseFacts& found, const CaseFacts* baseline) {
  std::vector<CheckRecord> checks;
  for (const char* rule : {"traffic", "peak_bytes", "flops"}) {
    if (baseline == nullptr)
      checks.push_back({rule, found.id, CheckStatus::fresh, "no baseline entry"});
    else
      checks.push_back(check_rule(rule, found, *baseline));
  }
  return checks;
}

CheckRecord check_host_peak(const std::string& id, const std::vector<std::int64_t>& peak_bytes,
                            const HostEntry* baseline) {
  const std::string rule = "peak_bytes";
  if (baseline == nullptr) return {rule, id, CheckStatus::fresh, "no entry for whole peak bytes on this host class"};
  if (peak_bytes.size() != baseline->peak_bytes.size())
    return {rule, id, CheckStatus::fail,
            fmt::format("{} ranks, baseline {}", peak_bytes.size(), baseline->peak_bytes.size())};
  Differences differences;
  for (std::size_t rank = 0; rank < peak_bytes.size(); ++rank)
    if (peak_bytes[rank] != baseline->peak_bytes[rank])
      differences.add(
          fmt::format("rank {} peaks at {} bytes above inputs, library workspace included", rank, peak_bytes[rank]),
          peak_bytes[rank], baseline->peak_bytes[rank]);
  return differences.record(rule, id, "as on this host class, library workspace included");
}

CheckRecord check_exponent(const ExponentFact& found, const ExponentFact* baseline) {
  const std::string grows = "bytes above inputs and library workspace grow as " + growth(found, found.exponent);
  if (baseline == nullptr) return {"exponent", found.among, CheckStatus::fresh, grows + ", no baseline entry"};
  if (found.exponent == baseline->exponent) return {"exponent", found.among, CheckStatus::pass, grows};
  return {"exponent", found.among, found.exponent > baseline->exponent ? CheckStatus::fail : CheckStatus::improved,
          grows + ", baseline " + growth(found, baseline->exponent)};
}

CheckRecord stale_entry(const BaselineKey& key) {
  return {"baseline", key.second, CheckStatus::stale, "entry of " + key.first + " that no case produced"};
}

std::vector<CheckRecord> stale_entries(const DeterministicBaseline& baseline, const DeterministicBaseline& found,
                                       const std::string& setting) {
  std::vector<CheckRecord> checks;
  for (const auto& [key, entry] : baseline.cases)
    if (key.first == setting && !found.cases.contains(key)) checks.push_back(stale_entry(key));
  for (const auto& [key, entry] : baseline.exponents)
    if (key.first == setting && !found.exponents.contains(key)) checks.push_back(stale_entry(key));
  return checks;
}

}  // namespace ringattn
