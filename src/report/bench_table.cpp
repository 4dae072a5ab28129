#include "report/quantity.h"
#include "report/table.h"
#include "report/table_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

namespace ringattn {
namespace {

/// A row of either table is of one implementation in one case.
struct Entry {
  const CaseRecord& record;
  const ImplementationRecord& implementation;
  bool is_candidate;
};

std::vector<Entry> entries_of(const Report& report) {
  std::vector<Entry> entries;
  for (const CaseRecord& record : report.cases) {
    if (record.legacy) entries.push_back({record, *record.legacy, false});
    entries.push_back({record, record.candidate, true});
  }
  return entries;
}

/// "n4096 fp32 causal", of the axes that vary.
std::string name_of(const Case& axes, const Varying& varying) {
  std::string name = short_case(axes, varying);
  if (varying.dtype) name += fmt::format(" {}", to_string(axes.dtype));
  if (varying.causal) name += axes.is_causal ? " causal" : " full";
  return name;
}

std::vector<Cell> first_cells(const Entry& entry, const Varying& varying) {
  return {{name_of(entry.record.axes, varying)},
          {std::to_string(entry.record.axes.ranks)},
          {entry.implementation.id},
          {std::string(to_string(entry.implementation.mark))}};
}

/// "2.10 [2.00, 2.20] ms (2.31)", the priced time in parentheses.
std::string time_text(const ImplementationRecord& r, bool with_interval) {
  if (!r.time_ns_median) return r.time_ns_priced ? fmt::format("({})", human_time(*r.time_ns_priced)) : "–";
  const IntervalRecord& t = *r.time_ns_median;
  const Unit unit = time_unit({t.median});
  std::string text = in_unit(t.median, unit);
  if (with_interval && has_interval(t)) text += fmt::format(" [{}, {}]", in_unit(t.low, unit), in_unit(t.high, unit));
  text += " " + unit.name;
  return r.time_ns_priced ? fmt::format("{} ({})", text, in_unit(*r.time_ns_priced, unit)) : text;
}

std::string percent(std::optional<double> share) { return share ? fmt::format("{:.1f} %", 100.0 * *share) : "–"; }

std::string ratio_text(const Entry& entry) {
  if (!entry.is_candidate || !entry.record.time_ratio) return "–";
  return human_ratio(entry.record.time_ratio->median);
}

/// Parentheses around what is priced.
std::string marked(const ImplementationRecord& r, std::string text) {
  return r.mark == Mark::priced && text != "–" ? "(" + std::move(text) + ")" : text;
}

std::vector<Cell> time_row(const Entry& entry, const Varying& varying, bool with_interval) {
  const ImplementationRecord& r = entry.implementation;
  const std::optional<double> tokens = tokens_per_s_of(entry.record, r);
  const std::optional<double> rate = flops_per_s_of(r);
  const std::optional<double> exposed = exposed_ns_of(r);
  const bool has_time = time_ns_of(r).value_or(0.0) > 0.0;
  std::vector<Cell> row = first_cells(entry, varying);
  row.push_back({time_text(r, with_interval)});
  row.push_back({marked(r, tokens ? human_count(std::llround(*tokens)) : "–")});
  row.push_back({percent(retention_of(entry.record, r))});
  row.push_back({percent(exposed && has_time ? std::optional(*exposed / *time_ns_of(r)) : std::nullopt)});
  row.push_back({marked(r, rate ? human_flop_rate(*rate, 1e9) : "–")});
  row.push_back({ratio_text(entry)});
  return row;
}

/// Columns without a single value go.
void drop_empty(std::vector<Column>& columns, std::vector<std::vector<Cell>>& rows) {
  for (std::size_t i = columns.size(); i-- > 0;) {
    const bool is_empty = std::all_of(rows.begin(), rows.end(), [i](const auto& row) { return row[i].text == "–"; });
    if (!is_empty) continue;
    columns.erase(columns.begin() + static_cast<std::ptrdiff_t>(i));
    for (auto& row : rows) row.erase(row.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

std::string time_table_text(const std::vector<Entry>& entries, const Varying& varying, const TextStyle& style) {
  for (const bool with_interval : {true, false}) {
    std::vector<Column> columns{{"case", false}, {"k"},       {"implementation", false},
                                {"by", false},   {"time"},    {"tokens/s"},
                                {"retained"},    {"exposed"}, {"FLOP/s"},
                                {"first/this"}};
    std::vector<std::vector<Cell>> rows;
    for (const Entry& entry : entries)
      if (entry.implementation.time_ns_median || entry.implementation.time_ns_priced)
        rows.push_back(time_row(entry, varying, with_interval));
    if (rows.empty()) return "";
    drop_empty(columns, rows);
    if (with_interval && table_width(columns, rows) > style.width) continue;
    return render_table(columns, rows, style) +
           wrap(
               "(time: median [95 % interval] of the slowest rank, priced in parentheses; retained: of one rank's "
               "speed; exposed: the share of the time that the slowest rank stood waiting for peers)",
               style.width, 1) +
           "\n\n";
  }
  return "";
}

/// "9.50 (9.50)": what was counted, and what was priced.
std::string beside_price(std::optional<double> counted, std::optional<std::int64_t> priced, const Unit& unit) {
  const std::string text = counted ? in_unit(*counted, unit) : "–";
  return priced ? fmt::format("{} ({})", text, in_unit(static_cast<double>(*priced), unit)) : text;
}

std::optional<double> if_counted(const ImplementationRecord& r, std::optional<double> amount) {
  return r.ranks.empty() ? std::nullopt : amount;
}

std::string messages_text(const ImplementationRecord& r) {
  const std::optional<double> counted = messages_of(r);
  return counted ? marked(r, human_count(std::llround(*counted))) : "–";
}

/// The largest rank's, with the inputs.
std::int64_t live_bytes(const ImplementationRecord& r) { return std::llround(live_bytes_of(r).value_or(0.0)); }

std::string memory_table_text(const Report& report, const std::vector<Entry>& entries, const Varying& varying,
                              const TextStyle& style) {
  const Unit peak = shared_unit(report, peak_bytes_max);
  const Unit live = shared_unit(report, live_bytes);
  const Unit sent = shared_unit(report, sent_bytes_total);
  std::vector<Column> columns{{"case", false},           {"k"},
                              {"implementation", false}, {"by", false},
                              {"peak " + peak.name},     {"live " + live.name},
                              {"sent " + sent.name},     {"messages"}};
  std::vector<std::vector<Cell>> rows;
  for (const Entry& entry : entries) {
    const ImplementationRecord& r = entry.implementation;
    const auto priced = [&](std::int64_t PriceRecord::*member) {
      return r.price ? std::optional<std::int64_t>((*r.price).*member) : std::nullopt;
    };
    const std::optional<double> live_now = live_bytes_of(r);
    std::vector<Cell> row = first_cells(entry, varying);
    row.push_back({beside_price(if_counted(r, peak_bytes_of(r)), priced(&PriceRecord::peak_bytes_max), peak)});
    row.push_back({live_now ? in_unit(*live_now, live) : "–"});
    row.push_back({beside_price(if_counted(r, sent_bytes_of(r)), priced(&PriceRecord::sent_bytes_total), sent)});
    row.push_back({messages_text(r)});
    rows.push_back(std::move(row));
  }
  if (rows.empty()) return "";
  return render_table(columns, rows, style) +
         wrap(
             "(in parentheses: priced; peak: the largest rank's, above the inputs; live: the same with the inputs; "
             "sent and messages: all ranks, of a rehearsal the rehearsed ones)",
             style.width, 1) +
         "\n";
}

std::string shared_axes(const Report& report, const Varying& varying) {
  if (report.cases.empty()) return "";
  const Case& axes = report.cases.front().axes;
  std::string words;
  if (!varying.dtype) words += fmt::format(" · {}", to_string(axes.dtype));
  if (!varying.causal) words += axes.is_causal ? " · causal" : " · not causal";
  return words;
}

}  // namespace

std::string bench_table(const Report& report, const TextStyle& style) {
  const Varying varying = varying_axes(report);
  const std::vector<Entry> entries = entries_of(report);
  return header_line(report, style, shared_axes(report, varying)) + time_table_text(entries, varying, style) +
         memory_table_text(report, entries, varying, style) + below_table(report, style);
}

}  // namespace ringattn
