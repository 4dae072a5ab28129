#include "plan/choose_layout.h"

#include <algorithm>

namespace ringattn {
namespace {

constexpr int kPricedRanksMax = 64;
/// Lists of rows are walked one by one, so fewer ranks are priced.
constexpr int kPricedRanksMaxOfLists = 8;

bool has_lists(const Pattern& pattern) {
  return std::any_of(pattern.tiles.begin(), pattern.tiles.end(),
                     [](const PatternTile& tile) { return tile.query_list != nullptr || tile.key_list != nullptr; });
}

std::int64_t needed_rows(const Need& need, const std::vector<HeadRange>& classes) {
  std::int64_t rows = 0;
  for (std::size_t c = 0; c < classes.size(); ++c)
    rows += static_cast<std::int64_t>(need.rows(c).size()) * classes[c].size();
  return rows;
}

/// In key-value rows: 4·d operations a couple over 4·d·(bytes of an element of 2) a row, so d cancels.
double price_of(const LayoutPrice& price, double flops_per_byte) {
  const double arithmetic = static_cast<double>(price.attended_pairs_max) / flops_per_byte;
  const double traffic = static_cast<double>(price.received_rows_max);
  return std::max(arithmetic, traffic) + 1e-3 * std::min(arithmetic, traffic);
}

}  // namespace

LayoutPrice price_layout(const Pattern& pattern, const RowLayout& layout) {
  const std::vector<HeadRange> classes = head_classes(pattern);
  const int priced = std::min(layout.world_size, has_lists(pattern) ? kPricedRanksMaxOfLists : kPricedRanksMax);
  LayoutPrice price;
  for (int i = 0; i < priced; ++i) {
    const int rank =
        priced == 1 ? 0 : static_cast<int>(static_cast<std::int64_t>(i) * (layout.world_size - 1) / (priced - 1));
    std::int64_t pairs = 0;
    std::int64_t rows = 0;
    for (int source = 0; source < layout.world_size; ++source) {
      const std::vector<ShardTile> tiles = shard_tiles(pattern, layout, rank, source);
      for (const ShardTile& tile : tiles) pairs += tile.attended_pairs();
      if (source != rank) rows += needed_rows(need_of(tiles, pattern, classes, layout.local_rows(source)), classes);
    }
    price.attended_pairs_max = std::max(price.attended_pairs_max, pairs);
    price.received_rows_max = std::max(price.received_rows_max, rows);
  }
  return price;
}

LayoutKind choose_layout(const Pattern& pattern, int world_size, double flops_per_byte) {
  if (world_size == 1 || !pattern.function.is_causal) return LayoutKind::contiguous;
  const auto price = [&](LayoutKind kind) {
    return price_of(price_layout(pattern, {kind, pattern.function.seq_len, world_size}), flops_per_byte);
  };
  LayoutKind best = LayoutKind::contiguous;
  double best_price = price(best);
  for (const LayoutKind kind : {LayoutKind::zigzag, LayoutKind::striped}) {
    const double kind_price = price(kind);
    if (kind_price >= best_price) continue;
    best = kind;
    best_price = kind_price;
  }
  return best;
}

}  // namespace ringattn
