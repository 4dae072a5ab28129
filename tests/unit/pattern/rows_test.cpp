#include "pattern/rows.h"

#include <doctest/doctest.h>

#include <random>

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

TEST_CASE("any ascending rows are cut into runs that give them back, and joining loses none") {
  std::mt19937 random(4);
  for (int trial = 0; trial < 300; ++trial) {
    std::vector<std::int64_t> rows;
    for (std::int64_t row = 0; row < 60; ++row) {
      if (random() % (1 + trial % 5) == 0) rows.push_back(row);
    }
    const auto listed = [](const std::vector<Rows>& runs) {
      std::vector<std::int64_t> all;
      for (const Rows& run : runs) {
        CHECK(run.segments == 1);
        CHECK(run.count >= 1);
        const std::vector<std::int64_t> more = expand(run);
        all.insert(all.end(), more.begin(), more.end());
      }
      return all;
    };
    const std::vector<Rows> runs = to_progressions(rows);
    CHECK(listed(runs) == rows);
    CHECK(listed(join_adjacent(runs)) == rows);
    std::vector<Rows> singles;
    for (const std::int64_t row : rows) singles.push_back({.first = row, .count = 1});
    CHECK(listed(join_adjacent(singles)) == rows);
    CHECK(join_adjacent(singles).size() == runs.size());
  }
}

TEST_CASE("one stride, however long, is one run") {
  CHECK(to_progressions({4}) == std::vector<Rows>{{.first = 4, .count = 1}});
  CHECK(to_progressions({3, 8, 13, 18}) == std::vector<Rows>{{.first = 3, .count = 4, .step = 5}});
}

TEST_CASE("slices are equal where their rows are, wherever these lie in their lists") {
  const auto list = [](const std::vector<std::int64_t>& rows) {
    return std::make_shared<std::vector<std::int64_t>>(rows);
  };
  const RowSlice slice{list({2, 3, 5, 7, 11}), 1, 4};
  CHECK(slice.size() == 3);
  CHECK_FALSE(slice.empty());
  CHECK(*slice.data() == 3);
  CHECK(slice == RowSlice{list({3, 5, 7}), 0, 3});
  CHECK_FALSE(slice == RowSlice{list({3, 5, 8}), 0, 3});
  CHECK_FALSE(slice == RowSlice{list({3, 5}), 0, 2});
  CHECK(RowSlice{} == RowSlice{list({1}), 1, 1});
}

TEST_CASE("segments of a residue class are the residue class of each segment") {
  const Rows rows{.first = 2, .count = 3, .step = 3, .segments = 4, .segment_stride = 9};
  for (std::int64_t s = 0; s < 4; ++s) CHECK(rows.segment(s) == residue_class(s * 9, s * 9 + 9, 2, 3));
  CHECK(rows.last_of_segment() == 8);
}

}  // namespace ringattn
