#include "report/predictions.h"

#include <doctest/doctest.h>

namespace ringattn {
namespace {

CaseRecord found(const char* id, double time, double priced, std::int64_t peak, std::int64_t priced_peak) {
  CaseRecord record;
  record.id = id;
  record.axes.ranks = 1;
  record.candidate.id = "standard";
  record.candidate.time_ns_median = IntervalRecord{time, time, time};
  record.candidate.time_ns_priced = priced;
  record.candidate.ranks = {{.rank = 0, .peak_bytes = peak, .sent_bytes = 64}};
  record.candidate.price = PriceRecord{.peak_bytes_max = priced_peak, .sent_bytes_total = 64};
  return record;
}

TEST_CASE("each quantity that was priced and found is compared") {
  const std::vector<PredictionRecord> list = predictions_of({found("a", 100.0, 110.0, 1000, 1000)});
  REQUIRE(list.size() == 3);
  CHECK(list[0].quantity == "time_ns");
  CHECK(list[0].relative_error == doctest::Approx(0.1));
  CHECK(list[1].quantity == "peak_bytes");
  CHECK(list[1].relative_error == 0.0);
  CHECK(list[2].quantity == "sent_bytes");
}

TEST_CASE("rows that were only priced have nothing to be compared with") {
  CaseRecord priced = found("a", 100.0, 110.0, 1000, 1000);
  priced.candidate.mark = Mark::priced;
  CHECK(predictions_of({priced}).empty());
}

TEST_CASE("of a rehearsal of some ranks the sum over all ranks is not compared") {
  CaseRecord some = found("a", 100.0, 110.0, 1000, 1000);
  some.axes.ranks = 64;
  some.candidate.mark = Mark::rehearsed;
  CHECK(predictions_of({some}).size() == 2);
}

TEST_CASE("the lines give the median error and the worst case, or say that it was exact") {
  const std::vector<CaseRecord> cases{found("a", 100.0, 110.0, 10, 10), found("b", 100.0, 80.0, 10, 10),
                                      found("c", 100.0, 101.0, 10, 10)};
  const std::vector<std::string> lines = prediction_lines(predictions_of(cases));
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == "measured: time predicted within 10.0 % (median of 3), worst 20.0 %: b standard");
  CHECK(lines[1] == "measured: peak bytes predicted exactly (3)");
  CHECK(prediction_lines({}).empty());
}

}  // namespace
}  // namespace ringattn
