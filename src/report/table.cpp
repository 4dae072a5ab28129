#include "report/table.h"

#include "report/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace ringattn {
namespace {

/// Which axes differ between the cases: the others are said once, above the table.
struct Varying {
  bool batch = false;
  bool heads = false;
  bool head_dim = false;
};

template <typename Get>
bool varies(const Report& report, Get get) {
  std::set<std::int64_t> values;
  for (const CaseRecord& record : report.cases) values.insert(get(record.axes));
  return values.size() > 1;
}

Varying varying_axes(const Report& report) {
  return {varies(report, [](const Case& c) { return c.batch; }), varies(report, [](const Case& c) { return c.heads; }),
          varies(report, [](const Case& c) { return c.head_dim; })};
}

std::string short_case(const CaseRecord& record, const Varying& varying) {
  std::string name;
  if (varying.batch) name += fmt::format("b{} ", record.axes.batch);
  name += fmt::format("n{}", record.axes.seq_len);
  if (varying.heads) name += fmt::format(" h{}", record.axes.heads);
  if (varying.head_dim) name += fmt::format(" d{}", record.axes.head_dim);
  for (const std::string& word : case_extras(record.axes)) name += " " + word;
  if (record.candidate.mark != Mark::measured) name += fmt::format(" {}", to_string(record.candidate.mark));
  return name;
}

std::string header_line(const Report& report, const TextStyle& style) {
  const ResolvedRecord& resolved = report.resolved;
  std::string line = report.verb;
  if (!resolved.legacy.empty())
    line += fmt::format(" {}{} with {}", resolved.legacy, resolved.as_shipped ? " as shipped" : "", resolved.candidate);
  else
    line += " " + resolved.candidate;
  line += fmt::format(" · preset {} · {} configuration · inputs {} seed {}", resolved.preset, resolved.new_config,
                      resolved.inputs, resolved.seed);
  if (resolved.distribution != "normal") line += fmt::format(" ({})", resolved.distribution);
  if (resolved.is_training) line += " · training";
  if (resolved.projection != "none") line += fmt::format(" · projection {}", resolved.projection);
  if (!report.cases.empty()) {
    const Varying varying = varying_axes(report);
    const Case& axes = report.cases.front().axes;
    if (!varying.batch) line += fmt::format(" · batch {}", axes.batch);
    if (!varying.heads) line += fmt::format(" · heads {}", axes.heads);
    if (!varying.head_dim) line += fmt::format(" · head_dim {}", axes.head_dim);
  }
  return wrap(line, style.width, 2) + "\n\n";
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

Unit shared_unit(const Report& report, std::int64_t (*amount)(const ImplementationRecord&)) {
  std::vector<double> bytes;
  for (const CaseRecord& record : report.cases) {
    bytes.push_back(static_cast<double>(amount(record.candidate)));
    if (record.legacy) bytes.push_back(static_cast<double>(amount(*record.legacy)));
  }
  return byte_unit(bytes);
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
    parts.rows.push_back({{short_case(record, varying)},
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

std::string costs_line(const Report& report) {
  std::int64_t metering = 0;
  std::int64_t oracle = 0;
  for (const CaseRecord& record : report.cases) {
    metering += record.metering_ns;
    oracle += record.oracle_ns;
  }
  return fmt::format("apart from the timed runs: metering {}, oracle {}; all in all {}",
                     human_time(static_cast<double>(metering)), human_time(static_cast<double>(oracle)),
                     human_time(static_cast<double>(report.duration_ns)));
}

std::string below_table(const Report& report, const TextStyle& style) {
  std::string text;
  for (const std::string& note : report_notes(report)) text += wrap(note, style.width, 2) + "\n";
  if (!text.empty()) text = "\n" + text;
  const bool good = report.complete && report.exit_code == 0;
  return text + "\n" + wrap(costs_line(report), style.width, 2) + "\n" +
         paint(summary_line(report), good ? Tone::good : Tone::bad, style) + "\n";
}

/// "9.50 (9.50 priced)".
std::string beside_price(std::int64_t measured, std::optional<std::int64_t> priced, bool has_ranks, const Unit& unit) {
  const std::string text = has_ranks ? in_unit(static_cast<double>(measured), unit) : "–";
  return priced ? fmt::format("{} ({})", text, in_unit(static_cast<double>(*priced), unit)) : text;
}

std::vector<Cell> bench_row(const CaseRecord& record, const ImplementationRecord& r, const Varying& varying,
                            const Unit& peak, const Unit& sent) {
  const auto priced = [&](std::int64_t PriceRecord::*member) {
    return r.price ? std::optional<std::int64_t>((*r.price).*member) : std::nullopt;
  };
  std::string time = "–";
  std::string rate = "–";
  if (r.time_ns_median) {
    const IntervalRecord& t = *r.time_ns_median;
    const Unit unit = time_unit({t.median});
    time =
        fmt::format("{} [{}, {}] {}", in_unit(t.median, unit), in_unit(t.low, unit), in_unit(t.high, unit), unit.name);
    if (r.price) rate = human_flop_rate(static_cast<double>(r.price->flops_total), t.median);
  }
  return {{short_case(record, varying)},
          {std::to_string(record.axes.ranks)},
          {std::string(to_string(record.axes.dtype))},
          {record.axes.is_causal ? "yes" : "no"},
          {r.id},
          {time},
          {r.time_over_one_rank ? fmt::format("{:.3f}", r.time_over_one_rank->median) : "–"},
          {rate},
          {beside_price(peak_bytes_max(r), priced(&PriceRecord::peak_bytes_max), !r.ranks.empty(), peak)},
          {beside_price(sent_bytes_total(r), priced(&PriceRecord::sent_bytes_total), !r.ranks.empty(), sent)}};
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

std::string bench_table(const Report& report, const TextStyle& style) {
  const Varying varying = varying_axes(report);
  const Unit peak = shared_unit(report, peak_bytes_max);
  const Unit sent = shared_unit(report, sent_bytes_total);
  const std::vector<Column> columns{
      {"case", false}, {"k"},     {"dtype", false}, {"causal", false},     {"implementation", false},
      {"time"},        {"/ k=1"}, {"rate"},         {"peak " + peak.name}, {"sent " + sent.name}};
  std::vector<std::vector<Cell>> rows;
  for (const CaseRecord& record : report.cases) {
    if (record.legacy) rows.push_back(bench_row(record, *record.legacy, varying, peak, sent));
    rows.push_back(bench_row(record, record.candidate, varying, peak, sent));
  }
  std::string text = header_line(report, style) + render_table(columns, rows, style);
  if (!rows.empty())
    text +=
        wrap("(in parentheses: priced; peak: the largest rank's, above the inputs; sent: all ranks)", style.width, 1) +
        "\n";
  return text + below_table(report, style);
}

}  // namespace ringattn
