#include "report/figure_groups.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace ringattn {
namespace {

/// The axes that all rows of a plot share.
std::string group_name(const Collection& collection, const CollectionRow& row, FigureAxis axis) {
  const Case& c = row.record->axes;
  std::string name = fmt::format("b{}", c.batch);
  if (axis == FigureAxis::ranks) name += fmt::format("/n{}", c.seq_len);
  name += fmt::format("/h{}/d{}/{}/{}", c.heads, c.head_dim, to_string(c.dtype), c.is_causal ? "causal" : "full");
  for (const std::string& word : case_extras(c)) name += "/" + word;
  const std::string machine = machine_label(collection, *row.run);
  return machine.empty() ? name : machine + " · " + name;
}

/// Implementations that stand for several functions somewhere: their label names the function.
std::set<std::string> ambiguous_ids(const std::vector<CollectionRow>& rows) {
  std::map<std::string, std::set<std::string>> functions;
  for (const CollectionRow& row : rows) functions[row.implementation->id].insert(row.implementation->function);
  std::set<std::string> ids;
  for (const auto& [id, names] : functions) {
    if (names.size() > 1) ids.insert(id);
  }
  return ids;
}

template <typename Item>
auto& entry_of(std::vector<Item>& items, const std::string& name, std::string Item::*key) {
  const auto place = std::find_if(items.begin(), items.end(), [&](const Item& item) { return item.*key == name; });
  if (place != items.end()) return *place;
  items.emplace_back().*key = name;
  return items.back();
}

bool has_two_places(const FigureGroup& group, FigureAxis axis) {
  std::set<double> places;
  for (const auto& [label, rows] : group.series) {
    for (const CollectionRow& row : rows) places.insert(axis_value(row.record->axes, axis));
  }
  return places.size() >= 2;
}

/// One row a place: a case that several verbs ran is shown as the later run has it.
void add_row(std::vector<CollectionRow>& rows, const CollectionRow& row, FigureAxis axis) {
  const auto same = [&](const CollectionRow& other) {
    return axis_value(other.record->axes, axis) == axis_value(row.record->axes, axis) &&
           other.implementation->mark == row.implementation->mark;
  };
  const auto place = std::find_if(rows.begin(), rows.end(), same);
  if (place == rows.end())
    rows.push_back(row);
  else
    *place = row;
}

}  // namespace

double axis_value(const Case& axes, FigureAxis axis) {
  return static_cast<double>(axis == FigureAxis::seq_len ? axes.seq_len : axes.ranks);
}

std::vector<FigureGroup> group_rows(const Collection& collection, FigureAxis axis) {
  const std::vector<CollectionRow> rows = rows_of(collection);
  const std::set<std::string> ambiguous = ambiguous_ids(rows);
  std::vector<FigureGroup> groups;
  for (const CollectionRow& row : rows) {
    const ImplementationRecord& r = *row.implementation;
    std::string label = r.id;
    if (ambiguous.contains(r.id)) label += fmt::format(" ({})", r.function);
    if (axis == FigureAxis::seq_len) label += fmt::format(", k={}", row.record->axes.ranks);
    FigureGroup& group = entry_of(groups, group_name(collection, row, axis), &FigureGroup::name);
    auto place =
        std::find_if(group.series.begin(), group.series.end(), [&](const auto& s) { return s.first == label; });
    if (place == group.series.end()) {
      if (group.series.size() == series_max) {
        ++group.left_out;
        continue;
      }
      place = group.series.insert(group.series.end(), {label, {}});
    }
    add_row(place->second, row, axis);
  }
  std::erase_if(groups, [axis](const FigureGroup& group) { return !has_two_places(group, axis); });
  return groups;
}

}  // namespace ringattn
