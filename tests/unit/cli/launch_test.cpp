#include "cli/launch.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ringattn {
namespace {

using Words = std::vector<std::string>;

TEST_CASE("the command of a rank is the command without --launch") {
  CHECK(without_launch({"ringattn", "--launch", "2", "bench", "--pairs", "3"}) ==
        Words{"ringattn", "bench", "--pairs", "3"});
  CHECK(without_launch({"ringattn", "--launch=4", "compare"}) == Words{"ringattn", "compare"});
  CHECK(without_launch({"ringattn", "bench"}) == Words{"ringattn", "bench"});
}

}  // namespace
}  // namespace ringattn
