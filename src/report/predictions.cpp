#include "report/predictions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>
#include <utility>

namespace ringattn {
namespace {

/// 0 found as 0 is exact; anything else against 0 has no relative error and is left out.
void add(std::vector<PredictionRecord>& list, const CaseRecord& record, const ImplementationRecord& implementation,
         const char* quantity, double predicted, double found) {
  if (found == 0.0 && predicted != 0.0) return;
  const double error = found == 0.0 ? 0.0 : (predicted - found) / found;
  list.push_back({record.id, implementation.id, quantity, implementation.mark, predicted, found, error});
}

void add_all(std::vector<PredictionRecord>& list, const CaseRecord& record, const ImplementationRecord& r) {
  if (r.mark == Mark::priced) return;
  if (r.time_ns_priced && r.time_ns_median)
    add(list, record, r, "time_ns", *r.time_ns_priced, r.time_ns_median->median);
  if (!r.price || r.ranks.empty()) return;
  add(list, record, r, "peak_bytes", static_cast<double>(r.price->peak_bytes_max),
      static_cast<double>(peak_bytes_max(r)));
  if (static_cast<std::int64_t>(r.ranks.size()) != record.axes.ranks) return;
  add(list, record, r, "sent_bytes", static_cast<double>(r.price->sent_bytes_total),
      static_cast<double>(sent_bytes_total(r)));
}

double percent(double error) { return 100.0 * std::abs(error); }

std::string line_of(std::string_view words, std::vector<PredictionRecord> list) {
  const auto smaller = [](const PredictionRecord& a, const PredictionRecord& b) {
    return std::abs(a.relative_error) < std::abs(b.relative_error);
  };
  std::sort(list.begin(), list.end(), smaller);
  const PredictionRecord& worst = list.back();
  if (worst.relative_error == 0.0) return fmt::format("{} predicted exactly ({})", words, list.size());
  const std::size_t half = list.size() / 2;
  const double middle = list.size() % 2 == 1
                            ? percent(list[half].relative_error)
                            : (percent(list[half - 1].relative_error) + percent(list[half].relative_error)) / 2;
  return fmt::format("{} predicted within {:.1f} % (median of {}), worst {:.1f} %: {} {}", words, middle, list.size(),
                     percent(worst.relative_error), worst.id, worst.implementation);
}

}  // namespace

std::vector<PredictionRecord> predictions_of(const std::vector<CaseRecord>& cases) {
  std::vector<PredictionRecord> list;
  for (const CaseRecord& record : cases) {
    if (record.legacy) add_all(list, record, *record.legacy);
    add_all(list, record, record.candidate);
  }
  return list;
}

std::vector<std::string> prediction_lines(const std::vector<PredictionRecord>& predictions) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 3> quantities{
      {{"time_ns", "time"}, {"peak_bytes", "peak bytes"}, {"sent_bytes", "sent bytes"}}};
  std::vector<std::string> lines;
  for (const Mark mark : {Mark::measured, Mark::rehearsed}) {
    for (const auto& [quantity, words] : quantities) {
      std::vector<PredictionRecord> list;
      for (const PredictionRecord& p : predictions) {
        if (p.quantity == quantity && p.against == mark) list.push_back(p);
      }
      if (!list.empty()) lines.push_back(fmt::format("{}: {}", to_string(mark), line_of(words, std::move(list))));
    }
  }
  return lines;
}

}  // namespace ringattn
