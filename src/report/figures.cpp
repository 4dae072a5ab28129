#include "report/figures.h"

#include "report/figure_groups.h"
#include "report/quantity.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

namespace ringattn {
namespace {

using Value = std::function<std::optional<double>(const CollectionRow&)>;

struct Kind {
  const char* name;
  const char* words;
  PlotAxis y;
  Value value;
  FigureAxis axis;
  bool fits_slope;
  bool marks_apart;  ///< measured, rehearsed and priced numbers do not belong on one line
};

PlotAxis x_axis_of(FigureAxis axis) {
  return {axis == FigureAxis::seq_len ? "sequence length n" : "ranks k", Scale::logarithmic, Quantity::plain};
}

std::string with_slope(const std::string& label, const std::vector<PlotPoint>& points, FigureAxis axis) {
  const std::optional<double> slope = log_slope(points);
  if (!slope) return label;
  const double shown = std::abs(*slope) < 0.005 ? 0.0 : *slope;
  return fmt::format("{}: {}^{:.2f}", label, axis == FigureAxis::seq_len ? "n" : "k", shown);
}

std::vector<Kind> kinds() {
  const Value peak = [](const CollectionRow& row) { return peak_bytes_of(*row.implementation); };
  const Value time = [](const CollectionRow& row) { return time_ns_of(*row.implementation); };
  const Value retention = [](const CollectionRow& row) { return retention_of(*row.record, *row.implementation); };
  const PlotAxis bytes{"peak bytes a rank, above the inputs", Scale::logarithmic, Quantity::bytes};
  const PlotAxis duration{"time, median", Scale::logarithmic, Quantity::time};
  const PlotAxis share{"share of one rank's speed that k ranks keep", Scale::linear, Quantity::percent};
  return {{"peak_over_n", "Peak bytes a rank over n", bytes, peak, FigureAxis::seq_len, true, false},
          {"peak_over_k", "Peak bytes a rank over k", bytes, peak, FigureAxis::ranks, true, false},
          {"time_over_n", "Time over n", duration, time, FigureAxis::seq_len, true, true},
          {"time_over_k", "Time over k", duration, time, FigureAxis::ranks, true, true},
          {"retention", "Retention against one rank", share, retention, FigureAxis::ranks, false, true}};
}

/// The lines of one label: one, or one a mark.
std::vector<PlotSeries> series_of(const std::string& label, const std::vector<CollectionRow>& rows, const Kind& kind) {
  std::vector<PlotSeries> list;
  for (const Mark mark : {Mark::measured, Mark::rehearsed, Mark::priced}) {
    if (list.empty() || kind.marks_apart)
      list.push_back({mark == Mark::measured ? label : fmt::format("{}, {}", label, to_string(mark)), {}});
    for (const CollectionRow& row : rows) {
      if (row.implementation->mark != mark) continue;
      if (const std::optional<double> y = kind.value(row))
        list.back().points.push_back({axis_value(row.record->axes, kind.axis), *y, mark});
    }
  }
  std::erase_if(list, [](const PlotSeries& series) { return series.points.size() < 2; });
  for (PlotSeries& series : list)
    std::stable_sort(series.points.begin(), series.points.end(),
                     [](const PlotPoint& a, const PlotPoint& b) { return a.x < b.x; });
  return list;
}

/// The plots of one kind: one a group of cases that differ in the axis alone.
std::vector<Figure> plots_of(const Collection& collection, const Kind& kind) {
  std::vector<Figure> figures;
  for (const FigureGroup& group : group_rows(collection, kind.axis)) {
    Plot plot{"", fmt::format("{} · {}", kind.words, group.name), x_axis_of(kind.axis), kind.y, {}, ""};
    if (group.left_out > 0) plot.note = fmt::format("{} points of further series are in the tables.", group.left_out);
    for (const auto& [label, rows] : group.series) {
      for (PlotSeries& series : series_of(label, rows, kind)) {
        if (kind.fits_slope) series.label = with_slope(series.label, series.points, kind.axis);
        plot.series.push_back(std::move(series));
      }
    }
    if (!plot.series.empty()) figures.emplace_back(std::move(plot));
  }
  return figures;
}

/// Compute, communication behind it, and what stuck out, of the cases of one implementation for each k.
std::vector<Figure> part_charts(const Collection& collection) {
  std::vector<Figure> figures;
  for (const FigureGroup& group : group_rows(collection, FigureAxis::ranks)) {
    for (const auto& [label, rows] : group.series) {
      BarChart chart{"",
                     fmt::format("What the time consists of · {} · {}", label, group.name),
                     {"time, median", Scale::linear, Quantity::time},
                     {"compute", "compute with communication behind it", "communication exposed"},
                     {},
                     ""};
      bool all_links_known = true;
      for (const CollectionRow& row : rows) {
        const std::optional<double> time = time_ns_of(*row.implementation);
        const std::optional<double> exposed = exposed_ns_of(*row.implementation);
        if (!time || !exposed) continue;
        const std::optional<double> wire = wire_ns_of(*row.implementation);
        all_links_known = all_links_known && wire.has_value();
        const double busy = std::max(0.0, *time - *exposed);
        const double hidden = std::clamp(wire.value_or(0.0) - *exposed, 0.0, busy);
        std::string bar = fmt::format("k={}", row.record->axes.ranks);
        if (row.implementation->mark != Mark::measured) bar += fmt::format(" {}", to_string(row.implementation->mark));
        chart.bars.push_back({std::move(bar), {busy - hidden, hidden, *exposed}});
      }
      if (!all_links_known)
        chart.note = "Where no link model was used, hidden communication is not known and is part of compute.";
      if (!chart.bars.empty()) figures.emplace_back(std::move(chart));
    }
  }
  return figures;
}

void add_profile(const std::optional<NumericVerdict>& verdict, const ImplementationRecord& judged, Plot& plot) {
  if (!verdict) return;
  for (const TensorVerdict& tensor : verdict->tensors) {
    if (tensor.tensor != "out" || tensor.error_by_position.first_row.size() < 2) continue;
    PlotSeries series{judged.id, {}};
    const ErrorProfile& profile = tensor.error_by_position;
    for (std::size_t i = 0; i < std::min(profile.first_row.size(), profile.max_abs.size()); ++i)
      series.points.push_back({static_cast<double>(profile.first_row[i]), profile.max_abs[i], judged.mark});
    plot.series.push_back(std::move(series));
  }
}

std::vector<Figure> error_plots(const Collection& collection) {
  std::vector<Figure> figures;
  for (const Collection::Run& run : collection.runs) {
    for (const CaseRecord& record : run.source.report.cases) {
      Plot plot{"",
                fmt::format("Error over position · {}", record.id),
                {"row", Scale::linear, Quantity::plain},
                {"largest |error| against the oracle", Scale::logarithmic, Quantity::error},
                {},
                ""};
      if (record.legacy) add_profile(record.legacy_against_oracle, *record.legacy, plot);
      add_profile(record.candidate_against_oracle, record.candidate, plot);
      if (!plot.series.empty()) figures.emplace_back(std::move(plot));
    }
  }
  return figures;
}

std::size_t size_of(const Figure& figure) {
  if (const auto* chart = std::get_if<BarChart>(&figure)) return chart->bars.size();
  std::size_t points = 0;
  for (const PlotSeries& series : std::get<Plot>(figure).series) points += series.points.size();
  return points;
}

/// Those with most points, in their first order, named after their kind.
void keep(Figures& figures, std::vector<Figure> found, const std::string& name) {
  std::stable_sort(found.begin(), found.end(),
                   [](const Figure& a, const Figure& b) { return size_of(a) > size_of(b); });
  const std::size_t kept = std::min(found.size(), figures_of_a_kind_max);
  figures.left_out += found.size() - kept;
  for (std::size_t i = 0; i < kept; ++i) {
    std::visit([&](auto& figure) { figure.name = i == 0 ? name : fmt::format("{}_{}", name, i + 1); }, found[i]);
    figures.shown.push_back(std::move(found[i]));
  }
}

}  // namespace

std::string figure_name(const Figure& figure) {
  return std::visit([](const auto& f) { return f.name; }, figure);
}

std::string figure_title(const Figure& figure) {
  return std::visit([](const auto& f) { return f.title; }, figure);
}

std::string figure_svg(const Figure& figure, bool is_alone) {
  if (const auto* plot = std::get_if<Plot>(&figure)) return plot_svg(*plot, is_alone);
  return bars_svg(std::get<BarChart>(figure), is_alone);
}

Figures figures_of(const Collection& collection) {
  Figures figures;
  for (const Kind& kind : kinds()) keep(figures, plots_of(collection, kind), kind.name);
  keep(figures, part_charts(collection), "parts");
  keep(figures, error_plots(collection), "error");
  return figures;
}

}  // namespace ringattn
