#include "config/documents.h"

#include "support.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace ringattn {
namespace {

using test::message_of;
using Lengths = std::vector<std::int64_t>;

TEST_CASE("documents grow by the rule, and end where the sequence ends") {
  CHECK(cumulative_lengths({}, 7) == Lengths{});
  CHECK(cumulative_lengths({.count = 3}, 4096) == Lengths{0, 682, 2048, 4096});
  CHECK(cumulative_lengths({.count = 2}, 9) == Lengths{0, 3, 9});
  CHECK(cumulative_lengths({.count = 1 << 20}, std::int64_t{1} << 48).back() == std::int64_t{1} << 48);
}

TEST_CASE("no document is empty, however short the sequence") {
  for (std::int64_t m = 2; m <= 12; ++m) {
    for (std::int64_t n = m; n <= 40; ++n) {
      const Lengths ends = cumulative_lengths({.count = m}, n);
      REQUIRE(ends.size() == static_cast<std::size_t>(m + 1));
      CHECK(ends.front() == 0);
      CHECK(ends.back() == n);
      CHECK(std::adjacent_find(ends.begin(), ends.end(), std::greater_equal<>()) == ends.end());
    }
  }
  CHECK(message_of([] { cumulative_lengths({.count = 5}, 4); }) ==
        "documents: 5 documents cannot be packed into seq_len 4");
}

}  // namespace
}  // namespace ringattn
