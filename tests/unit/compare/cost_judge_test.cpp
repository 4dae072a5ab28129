#include "compare/cost_judge.h"

#include <doctest/doctest.h>

#include <vector>

namespace ringattn {
namespace {

const std::vector<RankCost> spent{{.peak_bytes = 100, .sent_bytes = 8, .received_bytes = 16, .messages = 1},
                                  {.peak_bytes = 90, .sent_bytes = 16, .received_bytes = 8, .messages = 2}};

std::vector<PassPrice> prices() {
  return {{.peak_bytes = 100, .sent_bytes = 8, .received_bytes = 16, .messages = 1},
          {.peak_bytes = 90, .sent_bytes = 16, .received_bytes = 8, .messages = 2}};
}

TEST_CASE("ranks that spend what their plans say differ in nothing") {
  CHECK(cost_difference(spent, prices()).empty());
  CHECK(cost_difference({}, {}).empty());
}

TEST_CASE("each quantity of each rank is held to its price, more and less alike") {
  std::vector<PassPrice> priced = prices();
  priced[1].messages = 1;
  CHECK(cost_difference(spent, priced) == "rank 1 sends 2 messages, its plan has 1");
  priced = prices();
  priced[0].peak_bytes = 101;
  CHECK(cost_difference(spent, priced) == "rank 0 peaks at 100 bytes above its inputs, its plan has 101");
  priced[1].received_bytes = 7;
  CHECK(cost_difference(spent, priced) ==
        "rank 1 receives 8 bytes, its plan has 7; rank 0 peaks at 100 bytes above its inputs, its plan has 101");
  priced[0].sent_bytes = 9;
  CHECK(cost_difference(spent, priced).starts_with("rank 0 sends 8 bytes, its plan has 9; "));
}

TEST_CASE("of each quantity the first rank is named, and the others are counted") {
  const std::string words = cost_difference(spent, std::vector<PassPrice>(2));
  CHECK(words.starts_with("rank 0 sends 1 messages, its plan has 0 (1 more); rank 0 sends 8 bytes"));
}

TEST_CASE("whatever is alive after the call beside its results is too much") {
  std::vector<RankCost> keeping = spent;
  keeping[1].kept_bytes = 3;
  CHECK(cost_difference(keeping, prices()) == "rank 1 keeps 3 bytes beside its results, its plan has 0");
}

}  // namespace
}  // namespace ringattn
