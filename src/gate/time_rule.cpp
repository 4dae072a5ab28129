#include "gate/time_rule.h"

#include <fmt/format.h>

#include <cmath>

namespace ringattn {
namespace {

bool has_interval(const MedianEstimate& e) { return e.low && e.high; }

std::string interval(const MedianEstimate& e) {
  if (!has_interval(e)) return fmt::format("{:.3f} (too few pairs for an interval)", e.median);
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", e.median, *e.low, *e.high);
}

CheckStatus status_of(Change first, Change second) {
  if (first == Change::slower && second == Change::slower) return CheckStatus::fail;
  if (first == Change::faster && second == Change::faster) return CheckStatus::improved;
  if (second == Change::same && first != Change::slower) return CheckStatus::pass;
  return CheckStatus::unsure;
}

std::string reason(const TimeRun& run, Change change, const TimeLimits& limits) {
  switch (change) {
    case Change::noisy:
      return fmt::format("this machine is too noisy: the candidate against itself is {}, more than {:.0f} % from 1",
                         interval(run.self), 100 * limits.noise);
    case Change::wide:
      return fmt::format("the interval crosses a limit ({:.3f}, {:.3f})", 1 / limits.slower, limits.slower);
    case Change::slower:
      return "slower, not confirmed by a fresh run";
    case Change::faster:
      return "faster, not confirmed by a fresh run";
    case Change::same:
      return "a fresh run does not confirm the first";
  }
  return "";
}

}  // namespace

MedianEstimate relative_to(const MedianEstimate& ratio, const IntervalRecord& base) {
  MedianEstimate change{.median = ratio.median / base.median, .low = {}, .high = {}};
  if (ratio.low) change.low = *ratio.low / base.high;
  if (ratio.high) change.high = *ratio.high / base.low;
  return change;
}

Change judge(const TimeRun& run, const TimeLimits& limits) {
  if (!has_interval(run.self) || std::abs(run.self.median - 1) > limits.noise) return Change::noisy;
  if (!has_interval(run.change)) return Change::wide;
  if (*run.change.low > limits.slower) return Change::slower;
  if (*run.change.high < 1 / limits.slower) return Change::faster;
  return *run.change.low >= 1 / limits.slower && *run.change.high <= limits.slower ? Change::same : Change::wide;
}

bool wants_confirmation(const TimeRun& first, const TimeLimits& limits) { return judge(first, limits) != Change::same; }

CheckRecord check_time(const std::string& id, const TimeRun& first, const std::optional<TimeRun>& second,
                       const TimeLimits& limits) {
  const Change one = judge(first, limits);
  if (one == Change::same)
    return {"time", id, CheckStatus::pass, fmt::format("{} times as long", interval(first.change))};
  const Change two = second ? judge(*second, limits) : one;
  const CheckStatus status = second ? status_of(one, two) : CheckStatus::unsure;
  const TimeRun& last = second ? *second : first;
  std::string words = fmt::format("{} times as long", interval(first.change));
  if (second) words += fmt::format(", again {}", interval(last.change));
  if (status == CheckStatus::fail) words += fmt::format(": slower than {:.2f} in both runs", limits.slower);
  if (status == CheckStatus::improved) words += ": faster in both runs; update the baseline";
  if (status == CheckStatus::unsure) {
    const bool first_says_more = second && two == Change::same;
    words += ": " + reason(first_says_more ? first : last, first_says_more ? one : two, limits);
  }
  return {"time", id, status, words};
}

}  // namespace ringattn
