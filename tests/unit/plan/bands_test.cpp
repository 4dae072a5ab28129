#include "plan/bands.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <random>
#include <set>

namespace ringattn {
namespace {

AttentionFunction function_of(std::int64_t n, Window window, bool is_causal = false,
                              std::vector<std::int64_t> documents = {}) {
  AttentionFunction f;
  f.pairs = {{n, 1}};
  f.seq_len = n;
  f.heads = 1;
  f.is_causal = is_causal;
  f.window = window;
  f.documents = std::move(documents);
  return f;
}

/// Positions first, first + step, … in slots 0, 1, ….
OwnedRows rows(std::int64_t first, std::int64_t count, std::int64_t step = 1) {
  OwnedRows owned;
  for (std::int64_t i = 0; i < count; ++i) {
    owned.position.push_back(first + i * step);
    owned.slot.push_back(i);
  }
  return owned;
}

using Couples = std::map<std::pair<std::int64_t, std::int64_t>, int>;

bool sees(const AttentionFunction& f, std::int64_t query, std::int64_t key) {
  if (f.is_causal && key > query) return false;
  if (f.window.left >= 0 && key < query - f.window.left) return false;
  if (f.window.right >= 0 && key > query + f.window.right) return false;
  for (const std::int64_t start : f.documents) {
    if ((query < start) != (key < start)) return false;
  }
  return true;
}

Couples defined_couples(const AttentionFunction& f, const OwnedRows& query, const OwnedRows& key) {
  Couples couples;
  for (std::size_t i = 0; i < query.size(); ++i) {
    for (std::size_t j = 0; j < key.size(); ++j) {
      if (sees(f, query.position[i], key.position[j])) ++couples[{query.position[i], key.position[j]}];
    }
  }
  return couples;
}

/// Adds a band's couples; checks its count, that its rule says enough, and that each key and the outermost queries
/// meet.
void add_band(const Band& band, const AttentionFunction& f, const OwnedRows& query, const OwnedRows& key,
              Couples& couples) {
  std::int64_t found = 0;
  std::set<std::int64_t> seen_keys, seeing_queries;
  for (std::int64_t i = band.query.begin; i < band.query.end; ++i) {
    for (std::int64_t j = band.key.begin; j < band.key.end; ++j) {
      const std::int64_t q = query.position[static_cast<std::size_t>(i)], k = key.position[static_cast<std::size_t>(j)];
      const bool is_seen = sees(f, q, k);
      if (band.rule == MaskRule::full) CHECK(is_seen);
      if (!is_seen) continue;
      ++couples[{q, k}];
      ++found;
      seen_keys.insert(j);
      seeing_queries.insert(i);
    }
  }
  CHECK(band.couples == found);
  CHECK(std::ssize(seen_keys) == band.key.size());
  CHECK(seeing_queries.contains(band.query.begin));
  CHECK(seeing_queries.contains(band.query.end - 1));
  CHECK(band.rule != MaskRule::causal);
}

void check_bands(const AttentionFunction& f, const OwnedRows& query, const OwnedRows& key, std::int64_t limit) {
  Couples covered;
  for (const Band& band : bands(query, key, Visibility(f), limit)) {
    REQUIRE(0 <= band.query.begin);
    REQUIRE(band.query.end <= std::ssize(query.position));
    REQUIRE(0 <= band.key.begin);
    REQUIRE(band.key.end <= std::ssize(key.position));
    CHECK(band.query.size() > 0);
    CHECK(band.key.size() > 0);
    add_band(band, f, query, key, covered);
    if (band.rule == MaskRule::positions) CHECK(band.query.size() <= limit);
  }
  CHECK(covered == defined_couples(f, query, key));
}

}  // namespace

TEST_CASE("a short window in one stretch is one band by position") {
  const AttentionFunction f = function_of(8, {1, 1});
  CHECK(bands(rows(0, 8), rows(0, 8), Visibility(f), 64) ==
        std::vector<Band>{{{0, 8}, {0, 8}, MaskRule::positions, 22}});
}

TEST_CASE("a wide window is a full middle between two partial ends") {
  // Queries 200 … 209 see keys [q - 100, q + 100]: 109 … 300 by all, 100 … 108 and 301 … 309 by some.
  const AttentionFunction f = function_of(400, {100, 100});
  CHECK(bands(rows(200, 10), rows(0, 400), Visibility(f), 10) ==
        std::vector<Band>{{{0, 10}, {109, 301}, MaskRule::full, 1920},
                          {{0, 9}, {100, 109}, MaskRule::positions, 45},
                          {{1, 10}, {301, 310}, MaskRule::positions, 45}});
}

TEST_CASE("documents alone end stretches, however many rows they have") {
  const AttentionFunction f = function_of(10, {}, false, {0, 3, 10});
  CHECK(bands(rows(0, 10), rows(0, 10), Visibility(f), 2) ==
        std::vector<Band>{{{0, 3}, {0, 3}, MaskRule::full, 9}, {{3, 10}, {3, 10}, MaskRule::full, 49}});
}

TEST_CASE("queries that see none of the keys are left out") {
  const AttentionFunction f = function_of(100, {5, 0}, true);
  CHECK(bands(rows(50, 20), rows(0, 20), Visibility(f), 64).empty());
  const std::vector<Band> found = bands(rows(20, 20), rows(0, 20), Visibility(f), 64);
  REQUIRE(found.size() == 1);
  CHECK(found.front() == Band{{0, 5}, {15, 20}, MaskRule::positions, 15});
  CHECK(bands({}, rows(0, 4), Visibility(f), 4).empty());
  CHECK(bands(rows(0, 4), {}, Visibility(f), 4).empty());
}

TEST_CASE("any rows are covered exactly, each couple once, and no band has a key that nobody sees") {
  std::mt19937 random(11);
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  for (int trial = 0; trial < 400; ++trial) {
    const std::int64_t n = trial % 4 == 0 ? pick(150, 260) : pick(1, 90);
    std::set<std::int64_t> starts{0, n};
    for (std::int64_t i = pick(0, 4); i > 0; --i) starts.insert(pick(1, n));
    std::vector<std::int64_t> documents;
    if (starts.size() > 2) documents.assign(starts.begin(), starts.end());
    const AttentionFunction f = function_of(n, {pick(-1, n), pick(-1, n / 2)}, pick(0, 1) == 1, documents);
    const auto some_rows = [&] {
      const std::int64_t step = pick(1, 4), first = pick(0, n - 1);
      return rows(first, pick(1, (n - first + step - 1) / step), step);
    };
    const OwnedRows query = some_rows(), key = some_rows();
    const std::int64_t limit = pick(1, 80);
    INFO(fmt::format("trial {} n={} window={}:{} causal={} documents={} limit={}", trial, n, f.window.left,
                     f.window.right, f.is_causal, fmt::join(documents, ":"), limit));
    check_bands(f, query, key, limit);
  }
}

TEST_CASE("lists without a step are covered exactly too") {
  std::mt19937 random(12);
  for (int trial = 0; trial < 100; ++trial) {
    const auto scattered = [&] {
      OwnedRows owned;
      for (std::int64_t p = 0; p < 120; ++p) {
        if (random() % 3 == 0) owned.slot.push_back(std::ssize(owned.position)), owned.position.push_back(p);
      }
      return owned;
    };
    const AttentionFunction f = function_of(120, {static_cast<std::int64_t>(random() % 60), -1}, trial % 2 == 0);
    check_bands(f, scattered(), scattered(), 1 + static_cast<std::int64_t>(random() % 40));
  }
}

TEST_CASE("few keys of a band are seen in part only, so that its bias stays small") {
  const AttentionFunction f = function_of(20000, {6000, 0}, true);
  const OwnedRows all = rows(0, 20000);
  std::int64_t couples = 0;
  for (const Band& band : bands(all, all, Visibility(f), band_rows(f))) {
    if (band.rule == MaskRule::positions) CHECK(band.key.size() <= 2048);
    couples += band.couples;
  }
  CHECK(couples == 6001 * 6002 / 2 + (20000 - 6001) * 6001);
}

TEST_CASE("bands are half as long as the window is wide, within what kernels like") {
  CHECK(band_rows(function_of(1000, {})) == 512);
  CHECK(band_rows(function_of(1000, {0, 0})) == 64);
  CHECK(band_rows(function_of(1000, {300, 0})) == 150);
  CHECK(band_rows(function_of(1000, {10, 400})) == 200);
  CHECK(band_rows(function_of(100000, {9000, 0})) == 512);
}

}  // namespace ringattn
