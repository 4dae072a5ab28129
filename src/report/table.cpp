#include "report/table.h"

#include "report/table_parts.h"
#include "report/units.h"

#include <fmt/format.h>

namespace ringattn {
namespace {

std::string name_of(const CaseRecord& record, const Varying& varying) {
  const std::string name = short_case(record.axes, varying);
  return record.candidate.mark == Mark::measured ? name : fmt::format("{} {}", name, to_string(record.candidate.mark));
}

Cell outcome_cell(const CaseRecord& record) {
  if (!record.outcome) return {"–"};
  const bool match = *record.outcome == Outcome::match;
  return {std::string(to_string(*record.outcome)), match                     ? Tone::good
                                                   : record.accepted.empty() ? Tone::bad
                                                                             : Tone::unsure};
}

/// How near the new one's error comes to what is allowed: above 1 it fails.
Cell error_cell(const CaseRecord& record) {
  const auto& verdict = record.candidate_against_oracle;
  const TensorVerdict* tensor = verdict ? most_telling(*verdict) : nullptr;
  if (tensor == nullptr) return verdict ? Cell{"shape", Tone::bad} : Cell{"–"};
  const double share = tensor->worst_block.ratio / tensor->worst_block.allowed;
  const std::string text = share >= 100.0 && share < 1e6 ? fmt::format("{:.0f}", share) : fmt::format("{:.2g}", share);
  return {text, verdict->passed ? Tone::plain : Tone::bad};
}

Cell ratio_cell(const CaseRecord& record, bool with_interval) {
  if (!record.time_ratio) return {"–"};
  const IntervalRecord& ratio = *record.time_ratio;
  const Tone tone = ratio.low > 1.0 ? Tone::good : ratio.high < 1.0 ? Tone::bad : Tone::plain;
  if (!with_interval) return {human_ratio(ratio.median), tone};
  return {fmt::format("{} [{:.2f}, {:.2f}]", human_ratio(ratio.median), ratio.low, ratio.high), tone};
}

/// "68.0 → 9.50" in the column's unit; the new value alone where there is no old one.
Cell pair_cell(const CaseRecord& record, std::int64_t (*amount)(const ImplementationRecord&), const Unit& unit) {
  const auto text = [&](const ImplementationRecord& r) {
    return r.ranks.empty() ? std::string("–") : in_unit(static_cast<double>(amount(r)), unit);
  };
  if (!record.legacy) return {text(record.candidate)};
  return {text(*record.legacy) + " → " + text(record.candidate)};
}

struct TableParts {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
};

TableParts compare_parts(const Report& report, bool with_interval) {
  const Varying varying = varying_axes(report);
  const Unit peak = shared_unit(report, peak_bytes_max);
  const Unit sent = shared_unit(report, sent_bytes_total);
  TableParts parts;
  parts.columns = {{"case", false},       {"k"},           {"dtype", false},      {"causal", false},
                   {"outcome", false},    {"err/limit"},   {"peak " + peak.name}, {"rows moved"},
                   {"sent " + sent.name}, {"time old/new"}};
  for (const CaseRecord& record : report.cases) {
    parts.rows.push_back({{name_of(record, varying)},
                          {std::to_string(record.axes.ranks)},
                          {std::string(to_string(record.axes.dtype))},
                          {record.axes.is_causal ? "yes" : "no"},
                          outcome_cell(record),
                          error_cell(record),
                          pair_cell(record, peak_bytes_max, peak),
                          {record.candidate.ranks.empty() ? "–" : human_count(rows_travelled(record.candidate))},
                          pair_cell(record, sent_bytes_total, sent),
                          ratio_cell(record, with_interval)});
  }
  return parts;
}

}  // namespace

std::string compare_table(const Report& report, const TextStyle& style) {
  TableParts parts = compare_parts(report, true);
  if (table_width(parts.columns, parts.rows) > style.width) parts = compare_parts(report, false);
  std::string text = header_line(report, style) + render_table(parts.columns, parts.rows, style);
  if (!report.resolved.legacy.empty() && !parts.rows.empty())
    text += wrap(
                "(x → y is old → new; peak: the largest rank's, above the inputs; rows moved and sent: all ranks; time "
                "above 1: new is faster)",
                style.width, 1) +
            "\n";
  return text + below_table(report, style);
}

}  // namespace ringattn
