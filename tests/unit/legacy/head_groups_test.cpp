#include "legacy/head_groups.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

using namespace ringattn;
using namespace ringattn::legacy;

namespace {

/// Which heads a class gives with `tried` that should be as with `right`: those all of whose pairs are.
std::vector<bool> fits(const HeadGroups& groups, const std::vector<Pair>& tried, const std::vector<Pair>& right) {
  std::vector<bool> result;
  for (const auto& adding : groups.of_head) {
    result.push_back(std::all_of(adding.begin(), adding.end(), [&](std::int64_t group) {
      const auto g = static_cast<std::size_t>(group);
      return tried[g].segment_length == right[g].segment_length && tried[g].dilation_rate == right[g].dilation_rate;
    }));
  }
  return result;
}

/// Whether each group, one after the other, has a head to which it and groups before it alone add, or no head at all.
bool is_decidable(const HeadGroups& groups) {
  std::set<std::int64_t> known;
  for (std::size_t before = known.size() + 1; before != known.size();) {
    before = known.size();
    for (std::int64_t group = 0; group < groups.pairs; ++group) {
      bool has_heads = false, is_alone = false;
      for (const auto& adding : groups.of_head) {
        if (std::find(adding.begin(), adding.end(), group) == adding.end()) continue;
        has_heads = true;
        is_alone = is_alone || std::all_of(adding.begin(), adding.end(),
                                           [&](std::int64_t other) { return other == group || known.contains(other); });
      }
      if (is_alone || !has_heads) known.insert(group);
    }
  }
  return std::ssize(known) == groups.pairs;
}

std::optional<std::vector<Pair>> found(const HeadGroups& groups, std::optional<Pair> first,
                                       const std::vector<Pair>& right) {
  ListGuess guess(groups, first);
  do {
    for (std::int64_t w = 1; w <= 6; ++w) {
      for (std::int64_t r = 1; r <= 3; ++r) {
        const Pair pair{w, r};
        if (guess.learn(pair, fits(groups, guess.trial(pair), right))) return guess.list();
      }
    }
  } while (guess.begin_next_round());
  return guess.list();
}

}  // namespace

TEST_CASE("Heads that do not divide are shared out in five ways, and in one where they divide") {
  CHECK(possible_groups(6, 3).size() == 1);
  const auto ways = possible_groups(5, 3);
  using Heads = std::vector<std::vector<std::int64_t>>;
  REQUIRE(ways.size() == 5);
  CHECK(ways[0].of_head == Heads{{0}, {0}, {1}, {1}, {2}});
  CHECK(ways[1].of_head == Heads{{0}, {1}, {1}, {2}, {2}});
  CHECK(ways[2].of_head == Heads{{0}, {1}, {2}, {2}, {2}});
  CHECK(ways[3].of_head == Heads{{0}, {1}, {2}, {}, {}});
  CHECK(ways[4].of_head == Heads{{0}, {0}, {1, 2}, {1}, {}});
}

TEST_CASE("A list is found from heads, where groups overlap too, for any heads and pairs") {
  const std::vector<Pair> right{{4, 2}, {6, 1}, {3, 3}, {5, 2}, {2, 1}};
  for (std::int64_t heads = 1; heads <= 9; ++heads) {
    for (std::int64_t pairs = 1; pairs <= std::min<std::int64_t>(heads, 5); ++pairs) {
      for (const HeadGroups& groups : possible_groups(heads, pairs)) {
        CAPTURE(heads);
        CAPTURE(pairs);
        const std::vector<Pair> list(right.begin(), right.begin() + pairs);
        for (const std::optional<Pair>& first : {std::optional<Pair>(list.front()), std::optional<Pair>()}) {
          const auto got = found(groups, first, list);
          REQUIRE(got.has_value() == is_decidable(groups));
          if (!got) continue;
          // Where several lists give the same heads, any will do.
          CHECK(fits(groups, *got, list) == std::vector<bool>(static_cast<std::size_t>(heads), true));
        }
      }
    }
  }
}

TEST_CASE("What no pair explains is not guessed") {
  ListGuess guess(possible_groups(2, 2).front());
  CHECK_FALSE(guess.learn({4, 1}, {true, false}));
  CHECK_FALSE(guess.list().has_value());
  CHECK_FALSE(guess.begin_next_round());
  CHECK(guess.learn({8, 2}, {false, true}));
  CHECK(guess.list()->at(0).segment_length == 4);
  CHECK(guess.list()->at(1).segment_length == 8);
}
