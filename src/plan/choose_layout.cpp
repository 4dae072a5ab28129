#include "plan/choose_layout.h"

#include "config/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace ringattn {
namespace {

constexpr double flops_per_byte_default = 2400.0;
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

namespace {

/// The first layout whose price nobody undercuts.
RowLayout cheapest(const Pattern& pattern, const std::vector<RowLayout>& layouts, double flops_per_byte) {
  std::size_t best = 0;
  if (layouts.size() == 1) return layouts.front();
  double best_price = price_of(price_layout(pattern, layouts.front()), flops_per_byte);
  for (std::size_t i = 1; i < layouts.size(); ++i) {
    const double price = price_of(price_layout(pattern, layouts[i]), flops_per_byte);
    if (price >= best_price) continue;
    best = i;
    best_price = price;
  }
  return layouts[best];
}

bool cuts_blocks(const RowLayout& layout, const AttentionFunction& function) {
  try {
    check_whole_blocks(layout, function);
    return false;
  } catch (const UsageError&) {
    return true;
  }
}

std::vector<RowLayout> candidates(const Pattern& pattern, int world_size) {
  const AttentionFunction& function = pattern.function;
  std::vector<RowLayout> layouts{contiguous_layout(function, world_size)};
  if (world_size == 1 || !function.is_causal) return layouts;
  for (const LayoutKind kind : {LayoutKind::zigzag, LayoutKind::striped}) {
    const RowLayout layout{kind, function.seq_len, world_size};
    if (!cuts_blocks(layout, function)) layouts.push_back(layout);
  }
  return layouts;
}

bool has_blocks(const Pattern& pattern) { return pattern.function.blocks.rule != BlockRule::none; }

bool follows_curve(const RingAttentionConfig& config, const Pattern& pattern) {
  return config.use_hilbert || config.layout == Layout::hilbert || pattern.function.axes.order == OrderRule::hilbert;
}

RowLayout named_layout(Layout choice, const RingAttentionConfig& config, const AttentionFunction& function,
                       int world_size) {
  switch (choice) {
    case Layout::zigzag:
      return {LayoutKind::zigzag, function.seq_len, world_size};
    case Layout::striped:
      return {LayoutKind::striped, function.seq_len, world_size};
    case Layout::hilbert:
      return curve_layout(function, curve_limits(config), world_size);
    case Layout::automatic:
    case Layout::contiguous:
      break;
  }
  return contiguous_layout(function, world_size);
}

}  // namespace

LayoutKind choose_layout(const Pattern& pattern, int world_size, double flops_per_byte) {
  return cheapest(pattern, candidates(pattern, world_size), flops_per_byte).kind;
}

RowLayout layout_for(const RingAttentionConfig& config, const Pattern& pattern, int world_size) {
  const AttentionFunction& function = pattern.function;
  if (config.layout != Layout::automatic) {
    RowLayout layout = named_layout(config.layout, config, function, world_size);
    check_whole_blocks(layout, function);
    return layout;
  }
  std::vector<RowLayout> layouts = candidates(pattern, world_size);
  if (world_size > 1 && has_blocks(pattern) && follows_curve(config, pattern)) {
    RowLayout curve = curve_layout(function, curve_limits(config), world_size);
    if (!cuts_blocks(curve, function)) layouts.push_back(std::move(curve));
  }
  return cheapest(pattern, layouts, flops_per_byte_default);
}

std::string curve_remark(const RingAttentionConfig& config, const Pattern& pattern, const RowLayout& layout) {
  if (!follows_curve(config, pattern)) return {};
  const AttentionFunction& function = pattern.function;
  if (!has_blocks(pattern))
    return fmt::format(
        "the Hilbert curve gains nothing here: without block sparsity a rank needs the same keys wherever its rows "
        "lie, "
        "so no block, no byte and no operation is saved; rows lie in layout {}",
        to_string(layout.kind));
  if (layout.world_size == 1)
    return "one rank: the Hilbert curve decides which rows share a block, and nothing travels";
  const RowLayout curve = curve_layout(function, curve_limits(config), layout.world_size);
  if (cuts_blocks(curve, function))
    return fmt::format(
        "the Hilbert curve gains nothing here: blocks are cut by position, and a layout along the curve would tear "
        "them; "
        "pattern order \"hilbert\" cuts them along the curve; rows lie in layout {}",
        to_string(layout.kind));
  const auto rows = [&](const RowLayout& some) { return price_layout(pattern, some).received_rows_max; };
  return fmt::format(
      "along the Hilbert curve the busiest rank receives {} rows, in contiguous shards {}; rows lie in "
      "layout {}",
      rows(curve), rows(contiguous_layout(function, layout.world_size)), to_string(layout.kind));
}

}  // namespace ringattn
