#include "legacy/list_pairs.h"

#include <algorithm>
#include <tuple>

namespace ringattn::legacy {
namespace {

constexpr std::int64_t rows_of_all = 32;  ///< up to here every pair is likely
constexpr std::int64_t likely_rate_max = 8;
constexpr std::int64_t rate_max = 32;
constexpr std::int64_t offsets = 5;
constexpr std::size_t drawn_lists = 9;

bool is_round(std::int64_t w) { return w % 8 == 0 || w % 10 == 0 || (w & (w - 1)) == 0; }

/// 0: whole segments; 1: round; 2: any other; 3: longer than the sequence.
int oddness(const Pair& pair, std::int64_t n) {
  if (pair.segment_length > n) return 3;
  if (n % pair.segment_length == 0) return 0;
  return is_round(pair.segment_length) ? 1 : 2;
}

bool is_likely(const Pair& pair, std::int64_t n) {
  return n <= rows_of_all || (pair.dilation_rate <= likely_rate_max && oddness(pair, n) != 2);
}

}  // namespace

PairSets possible_pairs(std::int64_t n) {
  PairSets sets;
  const auto add = [&](const Pair& pair) { (is_likely(pair, n) ? sets.likely : sets.other).push_back(pair); };
  for (std::int64_t w = 1; w <= n; ++w)
    for (std::int64_t r = 1; r <= std::min(std::max(w, offsets), rate_max); ++r) add({w, r});
  for (std::int64_t r = 1; r <= std::min(n, likely_rate_max); ++r) add({2 * n, r});
  const auto key = [n](const Pair& pair) {
    const bool is_cut = pair.segment_length % pair.dilation_rate != 0;
    return std::tuple(pair.dilation_rate, oddness(pair, n), is_cut, -pair.segment_length);
  };
  const auto is_plainer = [&](const Pair& a, const Pair& b) { return key(a) < key(b); };
  std::sort(sets.likely.begin(), sets.likely.end(), is_plainer);
  std::sort(sets.other.begin(), sets.other.end(), is_plainer);
  return sets;
}

std::vector<std::vector<Pair>> probe_lists(std::int64_t n) {
  const std::int64_t half = std::max<std::int64_t>(1, n / 2);
  const std::int64_t third = n % 3 == 0 ? n / 3 : half;
  std::vector<std::vector<Pair>> lists{{{n, 2}, {n, 2}, {n, 2}}, {{n, 3}, {n, 3}},         {{half, 2}, {half, 1}},
                                       {{n - 1, 2}, {n - 1, 2}}, {{n + 1, 1}, {n + 1, 1}}, {{third, 3}, {n, 2}},
                                       {{third, 1}, {half, 3}},  {{5, 2}, {7, 3}}};
  const std::vector<Pair> likely = possible_pairs(n).likely;
  const std::size_t count = likely.size();
  for (std::size_t i = 0; i < drawn_lists; ++i) {
    std::vector<Pair> list;
    for (std::size_t pair = 0; pair <= i % 3; ++pair)
      list.push_back(likely[(i * count / drawn_lists + pair * 7) % count]);
    lists.push_back(std::move(list));
  }
  return lists;
}

}  // namespace ringattn::legacy
