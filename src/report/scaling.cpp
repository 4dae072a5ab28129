#include "report/scaling.h"

#include "report/power_law.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>

namespace ringattn {
namespace {

constexpr std::size_t kPlacesMin = 3;
constexpr std::int64_t kRanksWithBothBuffers = 3;
constexpr double kSameToWithin = 1.25;

/// One implementation in one case.
struct Place {
  const Case* axes;
  const ImplementationRecord* record;
};

double at_of(const Place& place, bool over_ranks) {
  return static_cast<double>(over_ranks ? place.axes->ranks : place.axes->seq_len);
}

/// The case's id without the part of one axis.
std::string among(const Case& axes, bool over_ranks) {
  std::string id = case_id(axes);
  const std::string part = over_ranks ? "/k" + std::to_string(axes.ranks) : "/n" + std::to_string(axes.seq_len);
  const std::size_t place = id.find(part);
  if (place != std::string::npos) id.erase(place, part.size());
  return id;
}

std::int64_t live_bytes_max(const ImplementationRecord& record) {
  std::int64_t most = 0;
  for (const RankRecord& rank : record.ranks) most = std::max(most, rank.live_bytes);
  return most;
}

/// Counts of measured and rehearsed ranks are alike; the time of ranks that share a machine, of one that has it to
/// itself, and of none at all are not, nor is what all ranks send and what one does.
enum class Marks { counted_together, apart };

struct Quantity {
  const char* name;
  Marks marks;
  double (*found)(const ImplementationRecord&);
  double (*priced)(const ImplementationRecord&);  ///< of a record with a price; 0: none
};

double peak_found(const ImplementationRecord& r) {
  return static_cast<double>(r.ranks.empty() && r.price ? r.price->peak_bytes_max : peak_bytes_max(r));
}
double sent_found(const ImplementationRecord& r) {
  return static_cast<double>(r.ranks.empty() && r.price ? r.price->sent_bytes_total : sent_bytes_total(r));
}
double live_found(const ImplementationRecord& r) { return static_cast<double>(live_bytes_max(r)); }
double time_found(const ImplementationRecord& r) {
  return r.time_ns_median ? r.time_ns_median->median : r.time_ns_priced.value_or(0.0);
}
double peak_priced(const ImplementationRecord& r) { return static_cast<double>(r.price->peak_bytes_max); }
double sent_priced(const ImplementationRecord& r) { return static_cast<double>(r.price->sent_bytes_total); }
double live_priced(const ImplementationRecord& r) { return live_found(r) - peak_found(r) + peak_priced(r); }
/// Rehearsed ranks have a machine each; measured ones share theirs, which does the work of all.
double flops_priced(const ImplementationRecord& r) {
  const double share = r.rehearsal ? static_cast<double>(r.rehearsal->rehearsed_ranks.size()) : 1.0;
  return static_cast<double>(r.price->flops_total) / share;
}

constexpr Quantity kQuantities[] = {{"peak_bytes", Marks::counted_together, peak_found, peak_priced},
                                    {"live_bytes", Marks::counted_together, live_found, live_priced},
                                    {"sent_bytes", Marks::apart, sent_found, sent_priced},
                                    {"time_ns", Marks::apart, time_found, flops_priced}};

/// The places of one kind, as a quantity tells kinds apart, kinds in the order of their first place.
std::vector<std::vector<Place>> by_kind(const std::vector<Place>& places, Marks marks) {
  std::vector<std::vector<Place>> kinds;
  const auto is_alike = [marks](Mark a, Mark b) {
    if (a == b) return true;
    return marks == Marks::counted_together && a != Mark::priced && b != Mark::priced;
  };
  for (const Place& place : places) {
    const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](const std::vector<Place>& known) {
      return is_alike(known.front().record->mark, place.record->mark);
    });
    if (kind == kinds.end())
      kinds.push_back({place});
    else
      kind->push_back(place);
  }
  return kinds;
}

/// The peak less the library kernel's own.
double own_bytes(const ImplementationRecord& r) {
  return peak_found(r) - (r.price ? static_cast<double>(r.price->kernel_bytes_max) : 0.0);
}

/// The largest over the smallest of own·k, or of own/n; none where there are too few places.
std::optional<double> own_spread(const std::vector<Place>& places, bool over_ranks) {
  std::vector<double> values;
  for (const Place& place : places) {
    const double own = own_bytes(*place.record);
    if (own <= 0.0 || (over_ranks && place.axes->ranks < kRanksWithBothBuffers)) continue;
    values.push_back(over_ranks ? own * at_of(place, true) : own / at_of(place, false));
  }
  if (values.size() < 2) return std::nullopt;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return over_ranks ? *high / *low : values.back() / values.front();
}

void judge_memory(ScalingRecord& record, const std::vector<Place>& places, bool over_ranks) {
  const std::optional<double> spread = own_spread(places, over_ranks);
  if (!spread) return;
  record.verdict = *spread <= kSameToWithin ? "yes" : "no";
  record.words = over_ranks ? fmt::format("O(n/k): {}; own bytes x k grow by {:.3g} over k", record.verdict, *spread)
                            : fmt::format("O(n): {}; own bytes / n grow by {:.3g} over n", record.verdict, *spread);
}

std::optional<ScalingRecord> fitted(const Quantity& quantity, const std::vector<Place>& places, bool over_ranks) {
  ScalingRecord record;
  record.implementation = places.front().record->id;
  record.quantity = quantity.name;
  record.axis = over_ranks ? "ranks" : "seq_len";
  record.among = among(*places.front().axes, over_ranks);
  std::vector<double> priced;
  for (const Place& place : places) {
    const double value = quantity.found(*place.record);
    if (value <= 0.0) continue;
    record.at.push_back(at_of(place, over_ranks));
    record.values.push_back(value);
    record.marks.emplace_back(to_string(place.record->mark));
    const double price = place.record->price ? quantity.priced(*place.record) : 0.0;
    if (price > 0.0) priced.push_back(price);
  }
  if (record.at.size() < kPlacesMin || record.at.front() == record.at.back()) return std::nullopt;
  const PowerLaw law = fit_power_law(record.at, record.values);
  record.exponent = law.exponent, record.low = law.low, record.high = law.high;
  if (priced.size() == record.at.size()) record.expected = fit_power_law(record.at, priced).exponent;
  if (record.quantity == "peak_bytes") judge_memory(record, places, over_ranks);
  return record;
}

}  // namespace

std::vector<ScalingRecord> scaling_of(const std::vector<CaseRecord>& cases) {
  using Key = std::tuple<std::string, bool, std::string>;
  std::map<Key, std::vector<Place>> series;
  const auto add = [&](const CaseRecord& record, const ImplementationRecord& implementation) {
    for (const bool over_ranks : {false, true}) {
      std::vector<Place>& places = series[{implementation.id, over_ranks, among(record.axes, over_ranks)}];
      const bool is_new =
          places.empty() || at_of(places.back(), over_ranks) != at_of({&record.axes, &implementation}, over_ranks);
      if (is_new) places.push_back({&record.axes, &implementation});
    }
  };
  for (const CaseRecord& record : cases) {
    if (record.legacy) add(record, *record.legacy);
    add(record, record.candidate);
  }
  std::vector<ScalingRecord> records;
  for (auto& [key, places] : series) {
    const bool over_ranks = std::get<1>(key);
    std::sort(places.begin(), places.end(),
              [&](const Place& a, const Place& b) { return at_of(a, over_ranks) < at_of(b, over_ranks); });
    for (const Quantity& quantity : kQuantities) {
      for (const std::vector<Place>& kind : by_kind(places, quantity.marks))
        if (auto record = fitted(quantity, kind, over_ranks)) records.push_back(std::move(*record));
    }
  }
  return records;
}

std::vector<std::string> scaling_lines(const std::vector<ScalingRecord>& scaling) {
  std::vector<std::string> lines;
  for (const ScalingRecord& record : scaling) {
    if (record.quantity != "peak_bytes" && record.quantity != "time_ns") continue;
    std::string line =
        fmt::format("{} {}: {} ~ {}^{:.2f} [{:.2f}, {:.2f}]", record.implementation, record.among, record.quantity,
                    record.axis == "ranks" ? "k" : "n", record.exponent, record.low, record.high);
    if (record.expected) line += fmt::format(", priced {:.2f}", *record.expected);
    if (!record.words.empty()) line += " · " + record.words;
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace ringattn
