#include "pattern/pattern.h"

#include "pattern/block_tiles.h"
#include "pattern/curve.h"
#include "pattern/segments.h"

#include <algorithm>

namespace ringattn {
namespace {

std::int64_t offset_of(OffsetRule rule, std::int64_t pair, std::int64_t segment, std::int64_t head, std::int64_t rate) {
  switch (rule) {
    case OffsetRule::pair:
      return pair % rate;
    case OffsetRule::zero:
      return 0;
    case OffsetRule::segment:
      return (pair + segment) % rate;
    case OffsetRule::tile:
      return segment % rate;
    case OffsetRule::head:
      return head % rate;
  }
  return 0;
}

/// What a segment's tiles are made of once pair, heads, rate and offset are known.
struct SegmentRule {
  std::int64_t pair = 0;
  HeadRange heads;
  std::int64_t rate = 1;
  std::int64_t offset = 0;
};

/// Rows as a progression, or as a list where a curve scatters them.
struct TileRows {
  Rows rows;
  RowList list{};
  bool empty() const { return list == nullptr && rows.count == 0; }
};

/// The rows of [begin, end) whose place along the order is ≡ residue (mod rate); place p is position begin +
/// curve_order[p].
TileRows class_rows(OrderRule order, const CurveLimits& limits, std::int64_t begin, std::int64_t end,
                    std::int64_t residue, std::int64_t rate) {
  if (order == OrderRule::position || rate == 1) return {residue_class(begin, end, residue, rate)};
  const std::vector<std::int64_t> places = curve_order(order, end - begin, limits);
  std::vector<std::int64_t> positions;
  for (auto place = residue; place < end - begin; place += rate)
    positions.push_back(begin + places[static_cast<std::size_t>(place)]);
  std::sort(positions.begin(), positions.end());
  const std::vector<Rows> runs = to_progressions(positions);
  if (runs.empty()) return {};
  if (runs.size() == 1) return {runs.front()};
  return {{}, std::make_shared<const std::vector<std::int64_t>>(std::move(positions))};
}

void add_tile(Pattern& pattern, const SegmentRule& rule, const SegmentRun& run, const TileRows& query,
              const TileRows& key) {
  if (query.empty() || key.empty()) return;
  PatternTile tile{rule.pair, rule.heads, query.rows, key.rows, query.list, key.list};
  tile.query.segments = tile.key.segments = run.repeats;
  tile.query.segment_stride = run.stride;
  tile.key.segment_stride = pattern.function.axes.keys == KeyRule::sequence ? 0 : run.stride;
  pattern.tiles.push_back(std::move(tile));
}

void add_segment(Pattern& pattern, const SegmentRule& rule, const SegmentRun& run) {
  const PatternAxes& axes = pattern.function.axes;
  const Segment& s = run.segment;
  const bool dense_tail = s.is_tail && axes.tail == TailRule::dense;
  const std::int64_t rate = dense_tail ? 1 : rule.rate;
  const std::int64_t offset = dense_tail ? 0 : rule.offset;
  const CurveLimits& limits = pattern.function.curve;
  const auto residue = [&](std::int64_t c) { return class_rows(axes.order, limits, s.begin, s.end, c, rate); };
  const TileRows all{residue_class(s.begin, s.end, 0, 1)};
  const TileRows query = axes.queries == QueryRule::dilated ? residue(offset) : all;
  switch (axes.keys) {
    case KeyRule::all:
      return add_tile(pattern, rule, run, query, all);
    case KeyRule::dilated:
      return add_tile(pattern, rule, run, query, axes.queries == QueryRule::dilated ? query : residue(offset));
    case KeyRule::sequence:
      return add_tile(pattern, rule, run, query,
                      class_rows(axes.order, limits, 0, pattern.function.seq_len, offset, rate));
    case KeyRule::residue:
      if (axes.queries == QueryRule::dilated) return add_tile(pattern, rule, run, query, query);
      for (std::int64_t c = 0; c < rate; ++c) {
        const TileRows rows = residue(c);
        add_tile(pattern, rule, run, rows, rows);
      }
  }
}

/// Splits a folded run where the offset differs from segment to segment or a curve makes lists, and the heads where the
/// offset differs from head to head.
void add_run(Pattern& pattern, const SegmentRule& base, const SegmentRun& run) {
  const OffsetRule offset = pattern.function.axes.offset;
  const bool by_segment =
      offset == OffsetRule::segment || offset == OffsetRule::tile || pattern.function.axes.order != OrderRule::position;
  const bool by_head = offset == OffsetRule::head;
  const std::int64_t folds = by_segment && base.rate > 1 ? run.repeats : 1;
  const std::int64_t head_step = by_head && base.rate > 1 ? 1 : base.heads.size();
  for (std::int64_t fold = 0; fold < folds; ++fold) {
    SegmentRun part = run;
    if (folds > 1) {
      part.segment.begin += fold * run.stride;
      part.segment.end += fold * run.stride;
      part.segment.number += fold;
      part.repeats = 1;
      part.stride = 0;
    }
    for (std::int64_t head = base.heads.begin; head < base.heads.end; head += head_step) {
      SegmentRule rule = base;
      rule.heads = {head, head + head_step};
      rule.offset = offset_of(offset, base.pair, part.segment.number, head, base.rate);
      add_segment(pattern, rule, part);
    }
  }
}

}  // namespace

Pattern make_pattern(const AttentionFunction& function) {
  check_runs(function);
  Pattern pattern{function, {}};
  const auto groups = static_cast<std::int64_t>(function.pairs.size());
  const std::vector<HeadRange> ranges = head_groups(function.axes.heads, function.heads, groups);
  for (std::int64_t i = 0; i < groups; ++i) {
    const auto index = static_cast<std::size_t>(i);
    if (ranges[index].size() == 0) continue;
    const SegmentRule rule{.pair = i, .heads = ranges[index], .rate = function.pairs[index].dilation_rate};
    for (const SegmentRun& run : segments_of(function, index)) add_run(pattern, rule, run);
  }
  const bool is_mean = function.axes.join == JoinRule::mean;
  if (is_mean || function.axes.join == JoinRule::groups) pattern.scale = 1.0 / static_cast<double>(groups);
  if (is_mean) pattern.states = groups;
  if (function.blocks.rule != BlockRule::none) pattern.tiles = tiles_in_blocks(pattern);
  return pattern;
}

}  // namespace ringattn
