#include "cli/bench_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

namespace ringattn {
namespace {

/// Forecasts err: this share of the budget is planned.
constexpr double kPlannedShare = 0.9;

double cost_ns(const Effort& effort, std::int64_t pairs, std::int64_t warmups) {
  return effort.once_ns + (pairs > 0 ? static_cast<double>(pairs + warmups) * effort.pass_ns : 0.0);
}

/// The most pairs that the share holds, as many as asked at most; none where not even the untimed part fits.
std::optional<std::int64_t> affordable_pairs(const Effort& effort, const BenchAllowance& allowance, double share_ns) {
  if (effort.once_ns > share_ns) return std::nullopt;
  if (allowance.pairs == 0 || cost_ns(effort, allowance.pairs, allowance.warmups) <= share_ns) return allowance.pairs;
  const auto passes = static_cast<std::int64_t>((share_ns - effort.once_ns) / effort.pass_ns);
  const std::int64_t pairs = std::min(allowance.pairs, passes - allowance.warmups);
  return pairs >= std::min(planned_pairs_min, allowance.pairs) ? pairs : 0;
}

std::string seconds(double ns) { return fmt::format("{:.3g} s", 1e-9 * ns); }

std::string fewer_pairs(std::int64_t pairs, std::int64_t asked) {
  return pairs == asked ? "" : fmt::format("{} of {} pairs fit into --time-budget", pairs, asked);
}

class Planner {
 public:
  Planner(const std::vector<std::vector<CaseEffort>>& groups, const BenchAllowance& allowance)
      : groups_(groups), allowance_(allowance), left_ns_(kPlannedShare * allowance.budget_ns) {}

  std::vector<PlannedRecord> run() {
    std::vector<std::size_t> order(groups_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    const auto dearness = [this](std::size_t g) { return together(measurable(groups_[g])).pass_ns; };
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return dearness(a) < dearness(b); });
    for (std::size_t i = 0; i < order.size(); ++i)
      plan_group(groups_[order[i]], left_ns_ / static_cast<double>(order.size() - i));
    std::vector<PlannedRecord> records;
    for (const std::vector<CaseEffort>& group : groups_)
      for (const CaseEffort& one : group) records.push_back(std::move(planned_.at(one.id)));
    return records;
  }

 private:
  using Cases = std::vector<const CaseEffort*>;

  static Cases measurable(const std::vector<CaseEffort>& group) {
    Cases cases;
    for (const CaseEffort& one : group)
      if (one.measured.why_not.empty()) cases.push_back(&one);
    return cases;
  }

  static Effort together(const Cases& cases) {
    Effort sum;
    for (const CaseEffort* one : cases) sum.once_ns += one->measured.once_ns, sum.pass_ns += one->measured.pass_ns;
    return sum;
  }

  void plan_group(const std::vector<CaseEffort>& group, double share_ns) {
    const Cases cases = measurable(group);
    const Effort all = together(cases);
    const std::optional<std::int64_t> pairs = affordable_pairs(all, allowance_, share_ns);
    const bool is_measured = !cases.empty() && pairs && (*pairs > 0 || allowance_.pairs == 0);
    std::string why;
    if (is_measured) {
      for (const CaseEffort* one : cases)
        settle(*one, Mark::measured, *pairs, cost_ns(one->measured, *pairs, allowance_.warmups),
               fewer_pairs(*pairs, allowance_.pairs));
      share_ns -= cost_ns(all, *pairs, allowance_.warmups);
    } else if (!cases.empty()) {
      const std::int64_t least = std::min(planned_pairs_min, allowance_.pairs);
      why = fmt::format("measuring its numbers of ranks would take about {}, {} of --time-budget are left for it",
                        seconds(cost_ns(all, least, allowance_.warmups)), seconds(share_ns));
    }
    rehearse_or_price(group, is_measured, why, share_ns);
  }

  /// What is not measured, the cheapest first.
  void rehearse_or_price(const std::vector<CaseEffort>& group, bool is_measured, const std::string& why_no_time,
                         double share_ns) {
    Cases rest;
    for (const CaseEffort& one : group)
      if (!is_measured || !one.measured.why_not.empty()) rest.push_back(&one);
    std::stable_sort(rest.begin(), rest.end(), [](const CaseEffort* a, const CaseEffort* b) {
      return a->rehearsed.once_ns < b->rehearsed.once_ns;
    });
    for (std::size_t i = 0; i < rest.size(); ++i) {
      const CaseEffort& one = *rest[i];
      const std::string why = one.measured.why_not.empty() ? why_no_time : one.measured.why_not;
      share_ns -= rehearse_or_price(one, why, share_ns / static_cast<double>(rest.size() - i));
    }
  }

  /// What of the share is taken.
  double rehearse_or_price(const CaseEffort& one, const std::string& why, double share_ns) {
    const Effort& effort = one.rehearsed;
    if (!effort.why_not.empty()) {
      settle(one, Mark::priced, 0, std::nullopt, why + "; " + effort.why_not);
      return 0.0;
    }
    const std::optional<std::int64_t> pairs = affordable_pairs(effort, allowance_, share_ns);
    if (!pairs) {
      settle(one, Mark::priced, 0, std::nullopt,
             fmt::format("{}; rehearsing a rank would take about {}, {} are left", why, seconds(effort.once_ns),
                         seconds(share_ns)));
      return 0.0;
    }
    const double cost = cost_ns(effort, *pairs, allowance_.warmups);
    const std::string fewer = fewer_pairs(*pairs, allowance_.pairs);
    settle(one, Mark::rehearsed, *pairs, cost, fewer.empty() ? why : why + "; " + fewer);
    return cost;
  }

  void settle(const CaseEffort& one, Mark mark, std::int64_t pairs, std::optional<double> time_ns, std::string why) {
    left_ns_ -= time_ns.value_or(0.0);
    PlannedRecord record{one.id, mark, std::nullopt, pairs, time_ns, std::move(why)};
    if (mark == Mark::rehearsed) record.rank = one.rank;
    planned_.insert_or_assign(one.id, std::move(record));
  }

  const std::vector<std::vector<CaseEffort>>& groups_;
  const BenchAllowance& allowance_;
  double left_ns_;
  std::map<std::string, PlannedRecord> planned_;
};

}  // namespace

std::vector<PlannedRecord> plan_bench(const std::vector<std::vector<CaseEffort>>& groups,
                                      const BenchAllowance& allowance) {
  return Planner(groups, allowance).run();
}

}  // namespace ringattn
