#include "report/projection_table.h"

#include "report/table_parts.h"
#include "report/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

namespace ringattn {
namespace {

std::int64_t peak_bytes(const ProjectionOrderRecord& order) {
  std::int64_t highest = 0;
  for (const RankRecord& rank : order.ranks) highest = std::max(highest, rank.peak_bytes);
  return highest;
}

/// "1.2e-07" apart, or what is wrong.
Cell equal_cell(const ProjectionOrdersRecord& orders) {
  const TensorVerdict* tensor = most_telling(orders.against_each_other);
  const bool is_right = std::all_of(orders.orders.begin(), orders.orders.end(),
                                    [](const ProjectionOrderRecord& order) { return order.against_oracle.passed; });
  if (!is_right) return {"not the oracle's", Tone::bad};
  const std::string apart = tensor != nullptr ? human_error(tensor->worst_abs.abs_error) : "–";
  return orders.against_each_other.passed ? Cell{"yes, within " + apart, Tone::good} : Cell{"no, " + apart, Tone::bad};
}

Cell ratio_cell(const ProjectionOrdersRecord& orders) {
  return {orders.time_ratio ? human_ratio(orders.time_ratio->median) : "–"};
}

std::string arrow(double old_order, double new_order, const Unit& unit) {
  return in_unit(old_order, unit) + " → " + in_unit(new_order, unit);
}

}  // namespace

std::string projection_table(const Report& report, const TextStyle& style) {
  std::vector<double> projected, peaks;
  for (const CaseRecord& record : report.cases) {
    if (!record.projection_orders) continue;
    for (const ProjectionOrderRecord& order : record.projection_orders->orders) {
      projected.push_back(static_cast<double>(order.projected_bytes_max));
      peaks.push_back(static_cast<double>(peak_bytes(order)));
    }
  }
  if (projected.empty()) return "";
  const Unit bytes = byte_unit(projected), peak = byte_unit(peaks);
  const Varying varying = varying_axes(report);
  const std::vector<Column> columns{{"case", false},       {"k"},
                                    {"dtype", false},      {"causal", false},
                                    {"rows projected"},    {"q, k, v " + bytes.name},
                                    {"peak " + peak.name}, {"equal", false},
                                    {"time old/new"}};
  std::vector<std::vector<Cell>> rows;
  for (const CaseRecord& record : report.cases) {
    if (!record.projection_orders) continue;
    const ProjectionOrderRecord& fresh = record.projection_orders->orders.at(0);
    const ProjectionOrderRecord& old = record.projection_orders->orders.at(1);
    rows.push_back(
        {{short_case(record.axes, varying)},
         {std::to_string(record.axes.ranks)},
         {std::string(to_string(record.axes.dtype))},
         {record.axes.is_causal ? "yes" : "no"},
         {human_count(old.projected_rows_max) + " → " + human_count(fresh.projected_rows_max)},
         {arrow(static_cast<double>(old.projected_bytes_max), static_cast<double>(fresh.projected_bytes_max), bytes)},
         {arrow(static_cast<double>(peak_bytes(old)), static_cast<double>(peak_bytes(fresh)), peak)},
         equal_cell(*record.projection_orders),
         ratio_cell(*record.projection_orders)});
  }
  return "\nThe module around the new attention: every rank projects n rows, then splits → splits, then projects its "
         "own\n\n" +
         render_table(columns, rows, style) +
         wrap("(the largest rank's; peak: above x, attention included; time above 1: splitting first is faster)",
              style.width, 1) +
         "\n";
}

}  // namespace ringattn
