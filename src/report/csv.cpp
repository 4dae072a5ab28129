#include "report/csv.h"

#include "config/documents.h"
#include "config/window.h"
#include "report/escape.h"
#include "report/quantity.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <functional>

namespace ringattn {
namespace {

std::string number(std::optional<double> value) { return value ? fmt::format("{}", *value) : ""; }
std::string number(std::int64_t value) { return std::to_string(value); }

struct CsvColumn {
  const char* name;
  std::function<std::string(const Collection&, const CollectionRow&)> text;
};

/// A column that needs the record alone, the implementation alone, or one of its intervals.
CsvColumn of_record(const char* name, std::string (*text)(const CaseRecord&)) {
  return {name, [text](const Collection&, const CollectionRow& row) { return text(*row.record); }};
}

CsvColumn of_implementation(const char* name, std::string (*text)(const ImplementationRecord&)) {
  return {name, [text](const Collection&, const CollectionRow& row) { return text(*row.implementation); }};
}

using IntervalOf = const std::optional<IntervalRecord>& (*)(const CollectionRow&);

CsvColumn of_interval(const char* name, IntervalOf interval, double IntervalRecord::*part) {
  return {name, [interval, part](const Collection&, const CollectionRow& row) {
            const std::optional<IntervalRecord>& found = interval(row);
            return found ? fmt::format("{}", (*found).*part) : std::string();
          }};
}

/// What was judged belongs to the new implementation's row, the old one's verdict to the old one's.
const std::optional<NumericVerdict>& verdict_of(const CollectionRow& row) {
  return row.is_legacy ? row.record->legacy_against_oracle : row.record->candidate_against_oracle;
}

CsvColumn of_verdict(const char* name, std::string (*text)(const NumericVerdict&, const TensorVerdict*)) {
  return {name, [text](const Collection&, const CollectionRow& row) {
            const std::optional<NumericVerdict>& verdict = verdict_of(row);
            return verdict ? text(*verdict, most_telling(*verdict)) : std::string();
          }};
}

std::string priced(const ImplementationRecord& r, std::int64_t PriceRecord::*part) {
  return r.price ? number((*r.price).*part) : std::string();
}

std::vector<CsvColumn> axis_columns() {
  return {
      of_record("case", [](const CaseRecord& c) { return c.id; }),
      of_record("batch", [](const CaseRecord& c) { return number(c.axes.batch); }),
      of_record("seq_len", [](const CaseRecord& c) { return number(c.axes.seq_len); }),
      of_record("heads", [](const CaseRecord& c) { return number(c.axes.heads); }),
      of_record("head_dim", [](const CaseRecord& c) { return number(c.axes.head_dim); }),
      of_record("dtype", [](const CaseRecord& c) { return std::string(to_string(c.axes.dtype)); }),
      of_record("is_causal", [](const CaseRecord& c) { return std::string(c.axes.is_causal ? "true" : "false"); }),
      of_record("ranks", [](const CaseRecord& c) { return number(c.axes.ranks); }),
      of_record("kv_heads", [](const CaseRecord& c) { return number(c.axes.key_heads()); }),
      of_record("window", [](const CaseRecord& c) { return to_string(c.axes.window); }),
      of_record("documents", [](const CaseRecord& c) { return to_string(c.axes.documents); }),
      of_record("mask", [](const CaseRecord& c) { return c.axes.mask; }),
  };
}

std::vector<CsvColumn> judged_columns() {
  return {
      of_record("outcome",
                [](const CaseRecord& c) { return c.outcome ? std::string(to_string(*c.outcome)) : std::string(); }),
      of_record("accepted", [](const CaseRecord& c) { return c.accepted; }),
      of_verdict("oracle_passed", [](const NumericVerdict& v,
                                     const TensorVerdict*) { return std::string(v.passed ? "true" : "false"); }),
      of_verdict("tier", [](const NumericVerdict& v, const TensorVerdict*) { return std::string(to_string(v.tier)); }),
      of_verdict("worst_abs",
                 [](const NumericVerdict&, const TensorVerdict* t) {
                   return t == nullptr ? std::string() : fmt::format("{}", t->worst_abs.abs_error);
                 }),
      of_verdict("error_over_limit",
                 [](const NumericVerdict&, const TensorVerdict* t) {
                   return t == nullptr ? std::string()
                                       : fmt::format("{}", t->worst_block.ratio / t->worst_block.allowed);
                 }),
      of_record("covered_share", [](const CaseRecord& c) { return fmt::format("{}", c.covered_share); }),
      of_record("words", [](const CaseRecord& c) { return c.words; }),
  };
}

std::vector<CsvColumn> implementation_columns() {
  using I = ImplementationRecord;
  return {
      {"role",
       [](const Collection&, const CollectionRow& row) { return std::string(row.is_legacy ? "legacy" : "candidate"); }},
      of_implementation("implementation", [](const I& r) { return r.id; }),
      of_implementation("function", [](const I& r) { return r.function; }),
      of_implementation("mark", [](const I& r) { return std::string(to_string(r.mark)); }),
      of_implementation("metered", [](const I& r) { return r.metered; }),
      of_implementation("backend", [](const I& r) { return r.backend.ran; }),
      of_implementation("layout", [](const I& r) { return r.layout.ran; }),
  };
}

std::vector<CsvColumn> count_columns() {
  using I = ImplementationRecord;
  return {
      of_implementation("peak_bytes_max", [](const I& r) { return number(peak_bytes_of(r)); }),
      of_implementation("live_bytes_max", [](const I& r) { return number(live_bytes_of(r)); }),
      of_implementation("sent_bytes_total", [](const I& r) { return number(sent_bytes_of(r)); }),
      of_implementation("messages_total", [](const I& r) { return number(messages_of(r)); }),
      of_implementation("rows_travelled", [](const I& r) { return number(rows_travelled_of(r)); }),
      of_implementation("priced_peak_bytes_max", [](const I& r) { return priced(r, &PriceRecord::peak_bytes_max); }),
      of_implementation("priced_sent_bytes_total",
                        [](const I& r) { return priced(r, &PriceRecord::sent_bytes_total); }),
      of_implementation("priced_messages_total", [](const I& r) { return priced(r, &PriceRecord::messages_total); }),
      of_implementation("flops_total", [](const I& r) { return priced(r, &PriceRecord::flops_total); }),
  };
}

const std::optional<IntervalRecord>& time_of(const CollectionRow& row) { return row.implementation->time_ns_median; }
const std::optional<IntervalRecord>& over_one_rank_of(const CollectionRow& row) {
  return row.implementation->time_over_one_rank;
}
/// Of the new implementation's row: an old one may stand beside several.
const std::optional<IntervalRecord>& ratio_of(const CollectionRow& row) {
  static const std::optional<IntervalRecord> none;
  return row.is_legacy ? none : row.record->time_ratio;
}

std::vector<CsvColumn> time_columns() {
  using I = ImplementationRecord;
  return {
      of_interval("time_ns_median", time_of, &IntervalRecord::median),
      of_interval("time_ns_low", time_of, &IntervalRecord::low),
      of_interval("time_ns_high", time_of, &IntervalRecord::high),
      of_implementation("samples", [](const I& r) { return number(static_cast<std::int64_t>(r.time_ns.size())); }),
      of_implementation("exposed_ns_median", [](const I& r) { return number(exposed_ns_of(r)); }),
      of_implementation("time_ns_priced", [](const I& r) { return number(r.time_ns_priced); }),
      of_interval("time_over_one_rank", over_one_rank_of, &IntervalRecord::median),
      of_interval("time_ratio_median", ratio_of, &IntervalRecord::median),
      of_interval("time_ratio_low", ratio_of, &IntervalRecord::low),
      of_interval("time_ratio_high", ratio_of, &IntervalRecord::high),
      of_implementation("link", [](const I& r) { return r.rehearsal ? r.rehearsal->link : std::string(); }),
      of_implementation("link_gb_s",
                        [](const I& r) { return r.rehearsal ? fmt::format("{}", r.rehearsal->link_gb_s) : ""; }),
      of_implementation("link_us",
                        [](const I& r) { return r.rehearsal ? fmt::format("{}", r.rehearsal->link_us) : ""; }),
  };
}

std::vector<CsvColumn> run_columns() {
  using Row = CollectionRow;
  return {
      {"machine", [](const Collection& all, const Row& row) { return all.machines[row.run->machine]; }},
      {"verb", [](const Collection&, const Row& row) { return row.run->source.report.verb; }},
      {"started_at", [](const Collection&, const Row& row) { return row.run->source.report.started_at; }},
      {"source", [](const Collection&, const Row& row) { return row.run->source.source; }},
  };
}

std::vector<CsvColumn> all_columns() {
  std::vector<CsvColumn> all = axis_columns();
  for (const auto part : {implementation_columns, judged_columns, count_columns, time_columns, run_columns}) {
    const std::vector<CsvColumn> columns = part();
    all.insert(all.end(), columns.begin(), columns.end());
  }
  return all;
}

}  // namespace

std::string csv_of(const Collection& collection) {
  const std::vector<CsvColumn> columns = all_columns();
  const auto line = [&columns](const auto& cell) {
    std::vector<std::string> cells;
    for (const CsvColumn& column : columns) cells.push_back(escape_csv(cell(column)));
    return fmt::format("{}\r\n", fmt::join(cells, ","));
  };
  std::string text = line([](const CsvColumn& column) { return std::string(column.name); });
  for (const CollectionRow& row : rows_of(collection))
    text += line([&](const CsvColumn& column) { return column.text(collection, row); });
  return text;
}

}  // namespace ringattn
