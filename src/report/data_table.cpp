#include "report/data_table.h"

#include "report/quantity.h"
#include "report/units.h"

#include <fmt/format.h>

#include <cmath>

namespace ringattn {
namespace {

/// The first columns of every table: the machine where there are several, and the case.
void begin_row(const Collection& collection, const Collection::Run& run, const std::string& id,
               std::vector<DataCell>& row) {
  if (collection.machines.size() > 1) row.push_back({machine_label(collection, run)});
  row.push_back({id});
}

std::vector<Column> columns_of(const Collection& collection, std::vector<Column> further) {
  std::vector<Column> columns{{"case", false}};
  if (collection.machines.size() > 1) columns.insert(columns.begin(), {"machine", false});
  columns.insert(columns.end(), further.begin(), further.end());
  return columns;
}

DataCell outcome_cell(const CaseRecord& record) {
  if (!record.outcome) return {"not judged", Tone::faint};
  const bool match = *record.outcome == Outcome::match;
  const std::string word(to_string(*record.outcome));
  if (match) return {word, Tone::good};
  return record.accepted.empty() ? DataCell{word, Tone::bad} : DataCell{word + " (accepted)", Tone::unsure};
}

std::string sides(const CaseRecord& record) {
  return record.legacy ? record.legacy->id + " → " + record.candidate.id : record.candidate.id;
}

void verdict_cells(const std::optional<NumericVerdict>& verdict, std::vector<DataCell>& row) {
  const TensorVerdict* tensor = verdict ? most_telling(*verdict) : nullptr;
  if (tensor == nullptr) {
    row.insert(row.end(), {{"–"}, {"–"}, {verdict ? verdict->reason : "–"}});
    return;
  }
  const double share = tensor->worst_block.ratio / tensor->worst_block.allowed;
  row.push_back({fmt::format("{:.2g}", share), verdict->passed ? Tone::plain : Tone::bad, share});
  row.push_back({human_error(tensor->worst_abs.abs_error), Tone::plain, tensor->worst_abs.abs_error});
  row.push_back({std::string(to_string(verdict->tier))});
}

DataCell bytes_cell(std::optional<double> bytes) {
  return bytes ? DataCell{human_bytes(*bytes), Tone::plain, bytes} : DataCell{"–"};
}

DataCell count_cell(std::optional<double> count) {
  return count ? DataCell{human_count(std::llround(*count)), Tone::plain, count} : DataCell{"–"};
}

/// "as counted" where a price holds; the priced amount where it does not, or where nothing was counted.
DataCell price_cell(const ImplementationRecord& r) {
  if (!r.price) return {"–"};
  if (r.ranks.empty()) return {"price alone", Tone::faint};
  const bool whole_world = !r.rehearsal;
  const bool peak_holds = r.price->peak_bytes_max == peak_bytes_max(r);
  const bool traffic_holds = !whole_world || r.price->sent_bytes_total == sent_bytes_total(r);
  if (peak_holds && traffic_holds) return {"as counted", Tone::good};
  return {fmt::format("peak {}, sent {}", human_bytes(static_cast<double>(r.price->peak_bytes_max)),
                      human_bytes(static_cast<double>(r.price->sent_bytes_total))),
          Tone::unsure};
}

DataCell time_cell(const ImplementationRecord& r) {
  if (!r.time_ns_median) {
    if (!r.time_ns_priced) return {"–"};
    return {human_time(*r.time_ns_priced) + " priced", Tone::faint, r.time_ns_priced};
  }
  const IntervalRecord& t = *r.time_ns_median;
  const Unit unit = time_unit({t.median});
  if (!has_interval(t)) return {in_unit(t.median, unit) + " " + unit.name, Tone::plain, t.median};
  return {
      fmt::format("{} [{}, {}] {}", in_unit(t.median, unit), in_unit(t.low, unit), in_unit(t.high, unit), unit.name),
      Tone::plain, t.median};
}

DataCell rate_cell(const ImplementationRecord& r) {
  const std::optional<double> rate = flops_per_s_of(r);
  return rate ? DataCell{human_flop_rate(*rate, 1e9), Tone::plain, rate} : DataCell{"–"};
}

DataCell percent_cell(std::optional<double> share) {
  return share ? DataCell{fmt::format("{:.1f} %", 100.0 * *share), Tone::plain, share} : DataCell{"–"};
}

DataCell exposed_cell(const ImplementationRecord& r) {
  const std::optional<double> exposed = exposed_ns_of(r);
  const std::optional<double> time = time_ns_of(r);
  if (!exposed || !time || !(*time > 0.0)) return {"–"};
  return percent_cell(*exposed / *time);
}

DataCell ratio_cell(const CollectionRow& row) {
  if (row.is_legacy || !row.record->time_ratio) return {"–"};
  const IntervalRecord& ratio = *row.record->time_ratio;
  if (!has_interval(ratio)) return {human_ratio(ratio.median), Tone::plain, ratio.median};
  const Tone tone = ratio.low > 1.0 ? Tone::good : ratio.high < 1.0 ? Tone::bad : Tone::plain;
  return {fmt::format("{} [{:.2f}, {:.2f}]", human_ratio(ratio.median), ratio.low, ratio.high), tone, ratio.median};
}

std::string exponent_text(const ScalingRecord& record) {
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", record.exponent, record.low, record.high);
}

}  // namespace

DataTable correctness_table(const Collection& collection) {
  DataTable table{
      "correctness",
      "Correctness",
      "err/limit: how near the new implementation's error against the oracle comes to what is allowed there; "
      "above 1 it fails.",
      columns_of(
          collection,
          {{"old → new", false}, {"outcome", false}, {"err/limit"}, {"worst error"}, {"tier", false}, {"computed"}}),
      {}};
  for (const Collection::Run& run : collection.runs) {
    for (const CaseRecord& record : run.source.report.cases) {
      if (!record.outcome && !record.candidate_against_oracle) continue;
      std::vector<DataCell>& row = table.rows.emplace_back();
      begin_row(collection, run, record.id, row);
      row.push_back({sides(record)});
      row.push_back(outcome_cell(record));
      verdict_cells(record.candidate_against_oracle, row);
      row.push_back(percent_cell(record.covered_share));
    }
  }
  return table;
}

DataTable memory_table(const Collection& collection) {
  DataTable table{"memory",
                  "Memory and traffic",
                  "Peak is above the inputs, live is with them, both of the largest rank; the rest is of all ranks. "
                  "price: whether the plan's prediction is what was counted.",
                  columns_of(collection, {{"implementation", false},
                                          {"mark", false},
                                          {"peak"},
                                          {"live"},
                                          {"sent"},
                                          {"messages"},
                                          {"rows moved"},
                                          {"price", false}}),
                  {}};
  for (const CollectionRow& entry : rows_of(collection)) {
    const ImplementationRecord& r = *entry.implementation;
    if (!peak_bytes_of(r)) continue;
    std::vector<DataCell>& row = table.rows.emplace_back();
    begin_row(collection, *entry.run, entry.record->id, row);
    row.push_back({r.id});
    row.push_back({std::string(to_string(r.mark))});
    row.push_back(bytes_cell(peak_bytes_of(r)));
    row.push_back(bytes_cell(live_bytes_of(r)));
    row.push_back(bytes_cell(sent_bytes_of(r)));
    row.push_back(count_cell(messages_of(r)));
    row.push_back(count_cell(rows_travelled_of(r)));
    row.push_back(price_cell(r));
  }
  return table;
}

DataTable time_table(const Collection& collection) {
  DataTable table{
      "time",
      "Time",
      "Median with its 95 % interval (where there are samples enough), of the slowest rank. retention: "
      "time on one rank / time on k ranks that share its cores; rehearsed ranks have a machine each, so there "
      "/ (k · time on k ranks). exposed: share of the time spent waiting for rows. old/new above 1: the new one is "
      "faster.",
      columns_of(collection, {{"implementation", false},
                              {"mark", false},
                              {"time"},
                              {"rate"},
                              {"tokens/s"},
                              {"retention"},
                              {"exposed"},
                              {"old/new"}}),
      {}};
  for (const CollectionRow& entry : rows_of(collection)) {
    const ImplementationRecord& r = *entry.implementation;
    if (!time_ns_of(r) && !r.time_ns_priced) continue;
    std::vector<DataCell>& row = table.rows.emplace_back();
    begin_row(collection, *entry.run, entry.record->id, row);
    row.push_back({r.id});
    row.push_back({std::string(to_string(r.mark))});
    row.push_back(time_cell(r));
    row.push_back(rate_cell(r));
    row.push_back(count_cell(tokens_per_s_of(*entry.record, r)));
    row.push_back(percent_cell(retention_of(*entry.record, r)));
    row.push_back(exposed_cell(r));
    row.push_back(ratio_cell(entry));
  }
  return table;
}

DataTable scaling_table(const Collection& collection) {
  DataTable table{"exponents",
                  "Fitted exponents",
                  "quantity = c · axis^exponent, least squares over the logarithms, with a 95 % interval.",
                  columns_of(collection, {{"implementation", false},
                                          {"quantity", false},
                                          {"axis", false},
                                          {"places"},
                                          {"exponent"},
                                          {"expected"},
                                          {"verdict", false}}),
                  {}};
  table.columns[collection.machines.size() > 1 ? 1 : 0].title = "among";
  for (const Collection::Run& run : collection.runs) {
    for (const ScalingRecord& record : run.source.report.scaling) {
      std::vector<DataCell>& row = table.rows.emplace_back();
      begin_row(collection, run, record.among, row);
      row.push_back({record.implementation});
      row.push_back({record.quantity});
      row.push_back({record.axis});
      row.push_back({std::to_string(record.at.size()), Tone::plain, static_cast<double>(record.at.size())});
      row.push_back({exponent_text(record), Tone::plain, record.exponent});
      row.push_back(record.expected ? DataCell{fmt::format("{:.3f}", *record.expected), Tone::plain, record.expected}
                                    : DataCell{"–"});
      const Tone tone = record.verdict == "yes" ? Tone::good : record.verdict == "no" ? Tone::bad : Tone::plain;
      row.push_back({record.words.empty() ? "–" : record.words, tone});
    }
  }
  return table;
}

DataTable prediction_table(const Collection& collection) {
  DataTable table{
      "predictions",
      "Predictions",
      "What the price said beside what was found; error: (predicted − found) / found.",
      columns_of(
          collection,
          {{"implementation", false}, {"quantity", false}, {"found by", false}, {"predicted"}, {"found"}, {"error"}}),
      {}};
  for (const Collection::Run& run : collection.runs) {
    for (const PredictionRecord& record : run.source.report.predictions) {
      std::vector<DataCell>& row = table.rows.emplace_back();
      begin_row(collection, run, record.id, row);
      const auto amount = [&](double value) {
        return DataCell{record.quantity == "time_ns" ? human_time(value) : human_bytes(value), Tone::plain, value};
      };
      row.push_back({record.implementation});
      row.push_back({record.quantity});
      row.push_back({std::string(to_string(record.against))});
      row.push_back(amount(record.predicted));
      row.push_back(amount(record.found));
      row.push_back({fmt::format("{:+.1f} %", 100.0 * record.relative_error), Tone::plain, record.relative_error});
    }
  }
  return table;
}

std::vector<DataTable> data_tables(const Collection& collection) {
  std::vector<DataTable> tables;
  for (const auto make : {correctness_table, memory_table, time_table, scaling_table, prediction_table}) {
    DataTable table = make(collection);
    if (!table.rows.empty()) tables.push_back(std::move(table));
  }
  return tables;
}

}  // namespace ringattn
