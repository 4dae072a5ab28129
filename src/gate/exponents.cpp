#include "gate/exponents.h"

#include "report/power_law.h"

#include <cmath>
#include <map>
#include <string>
#include <utility>

namespace ringattn {
namespace {

constexpr std::size_t kPointsMin = 3;

struct Series {
  std::vector<double> x;
  std::vector<double> y;
};

/// The case's id with * in place of one axis.
std::string among(const Case& axes, bool over_ranks) {
  std::string id = case_id(axes);
  const std::string part = over_ranks ? "/k" + std::to_string(axes.ranks) : "/n" + std::to_string(axes.seq_len);
  const std::size_t place = id.find(part);
  return id.replace(place + 2, part.size() - 2, "*");
}

double rounded(double exponent) { return std::round(exponent * 1e6) / 1e6; }

}  // namespace

std::vector<ExponentFact> fit_exponents(std::span<const GrowthPoint> points) {
  std::map<std::pair<std::string, std::string>, Series> series;
  for (const GrowthPoint& point : points) {
    if (point.own_bytes <= 0 || point.axes.seq_len < point.axes.ranks) continue;
    for (const bool over_ranks : {false, true}) {
      Series& one = series[{over_ranks ? "ranks" : "seq_len", among(point.axes, over_ranks)}];
      one.x.push_back(static_cast<double>(over_ranks ? point.axes.ranks : point.axes.seq_len));
      one.y.push_back(static_cast<double>(point.own_bytes));
    }
  }
  std::vector<ExponentFact> facts;
  for (const auto& [key, one] : series)
    if (one.x.size() >= kPointsMin)
      facts.push_back({key.first, key.second, rounded(fit_power_law(one.x, one.y).exponent)});
  return facts;
}

}  // namespace ringattn
