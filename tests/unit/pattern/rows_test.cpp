#include "pattern/rows.h"

#include <doctest/doctest.h>

namespace ringattn {

TEST_CASE("two-level rows are listed segment by segment") {
  const Rows rows{.first = 1, .count = 3, .step = 2, .segments = 2, .segment_stride = 10};
  CHECK(expand(rows) == std::vector<std::int64_t>{1, 3, 5, 11, 13, 15});
  CHECK(rows.size() == 6);
  CHECK(rows.segment(1) == Rows{.first = 11, .count = 3, .step = 2});
}

TEST_CASE("ascending rows are cut into progressions that give them back") {
  const std::vector<std::int64_t> rows{0, 1, 2, 5, 8, 11, 30};
  std::vector<std::int64_t> back;
  const std::vector<Rows> runs = to_progressions(rows);
  CHECK(runs.size() == 3);
  for (const Rows& run : runs) {
    for (const std::int64_t row : expand(run)) back.push_back(row);
  }
  CHECK(back == rows);
  CHECK(to_progressions({}).empty());
}

TEST_CASE("progressions join where one continues the other, and not otherwise") {
  CHECK(join_adjacent({{.first = 0, .count = 3, .step = 2}, {.first = 6, .count = 2, .step = 2}}) ==
        std::vector<Rows>{{.first = 0, .count = 5, .step = 2}});
  CHECK(join_adjacent({{.first = 0, .count = 3, .step = 2}, {.first = 5, .count = 2, .step = 2}}).size() == 2);
  CHECK(join_adjacent({{.first = 4, .count = 1}, {.first = 7, .count = 1}}) ==
        std::vector<Rows>{{.first = 4, .count = 2, .step = 3}});
}

TEST_CASE("a residue class that lies beyond its segment is empty") {
  CHECK(residue_class(10, 20, 3, 4) == Rows{.first = 13, .count = 2, .step = 4});
  CHECK(residue_class(10, 12, 3, 4).count == 0);
}

}  // namespace ringattn
