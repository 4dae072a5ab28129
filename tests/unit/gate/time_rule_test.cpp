#include "gate/time_rule.h"

#include <doctest/doctest.h>

#include <string>

namespace ringattn {
namespace {

MedianEstimate around(double median, double half_width) { return {median, median - half_width, median + half_width}; }

TimeRun run(double change, double half_width = 0.01, double self = 1.0) {
  return {around(change, half_width), around(self, 0.01)};
}

CheckStatus status(const TimeRun& first, const TimeRun& second) { return check_time("case", first, second).status; }

TEST_CASE("an interval within the limits passes without a second run") {
  CHECK_FALSE(wants_confirmation(run(1.01)));
  CHECK(check_time("case", run(1.01), std::nullopt).status == CheckStatus::pass);
}

TEST_CASE("a slowdown fails only when a fresh run says so too") {
  CHECK(wants_confirmation(run(1.1)));
  CHECK(status(run(1.1), run(1.1)) == CheckStatus::fail);
  CHECK(status(run(1.1), run(1.0)) == CheckStatus::unsure);
  CHECK(status(run(1.1), run(1.05, 0.02)) == CheckStatus::unsure);
  CHECK(check_time("case", run(1.1), std::nullopt).status == CheckStatus::unsure);
  CHECK(check_time("case", run(1.1), run(1.11)).words ==
        "1.100 [1.090, 1.110] times as long, again 1.110 [1.100, 1.120]: slower than 1.05 in both runs");
}

TEST_CASE("an interval that begins at the limit is no slowdown") {
  CHECK(judge({.change = {1.06, 1.05, 1.07}, .self = around(1, 0.01)}) == Change::wide);
  CHECK(judge({.change = {1.06, 1.0501, 1.07}, .self = around(1, 0.01)}) == Change::slower);
}

TEST_CASE("a speed-up is an improvement when confirmed") {
  CHECK(status(run(0.8), run(0.81)) == CheckStatus::improved);
  CHECK(status(run(0.8), run(0.96, 0.05)) == CheckStatus::unsure);
}

TEST_CASE("an interval that is too wide is tried again, then unsure") {
  CHECK(judge(run(1.0, 0.2)) == Change::wide);
  CHECK(status(run(1.0, 0.2), run(1.0)) == CheckStatus::pass);
  CHECK(status(run(1.0, 0.2), run(1.0, 0.2)) == CheckStatus::unsure);
  CHECK(status(run(1.0, 0.2), run(1.2)) == CheckStatus::unsure);
}

TEST_CASE("a machine that differs from itself by more than the limit says nothing") {
  CHECK(judge(run(1.5, 0.01, 1.04)) == Change::noisy);
  const CheckRecord check = check_time("case", run(1.5, 0.01, 1.04), run(1.5, 0.01, 1.04));
  CHECK(check.status == CheckStatus::unsure);
  CHECK(check.words.find("too noisy") != std::string::npos);
}

TEST_CASE("too few pairs for an interval say nothing") {
  CHECK(judge({.change = {1.5, {}, {}}, .self = {1.0, {}, {}}}) == Change::noisy);
  CHECK(judge({.change = {1.5, {}, {}}, .self = around(1, 0.01)}) == Change::wide);
}

TEST_CASE("a ratio is held to the baseline's interval at its worst ends") {
  const MedianEstimate change = relative_to({2.2, 2.1, 2.3}, {2.0, 1.9, 2.1});
  CHECK(change.median == doctest::Approx(1.1));
  CHECK(*change.low == doctest::Approx(1.0));
  CHECK(*change.high == doctest::Approx(2.3 / 1.9));
}

}  // namespace
}  // namespace ringattn
