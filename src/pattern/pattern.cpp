#include "pattern/pattern.h"

#include "pattern/curve.h"

#include <algorithm>

namespace ringattn {
namespace {

/// A stretch of consecutive positions that one pair works on: `number` is the segment number t.
struct Segment {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t number = 0;
  bool is_tail = false;
};

/// The segments of one pair, equal ones folded: `repeats` of them, `stride` apart.
struct SegmentRun {
  Segment segment;
  std::int64_t repeats = 1;
  std::int64_t stride = 0;
};

std::vector<SegmentRun> tiled_segments(std::int64_t seq_len, std::int64_t length, TailRule tail) {
  std::vector<SegmentRun> runs;
  const std::int64_t whole = seq_len / length;
  if (whole > 0) runs.push_back({{0, length, 0, false}, whole, length});
  if (whole * length < seq_len && tail != TailRule::zero) runs.push_back({{whole * length, seq_len, whole, true}});
  return runs;
}

/// Where pair i starts under `spans`: after the spans of the pairs before it.
std::int64_t span_begin(const AttentionFunction& f, std::size_t pair) {
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < pair; ++i)
    begin = std::min(f.seq_len, begin + std::min(f.pairs[i].segment_length, f.seq_len));
  return begin;
}

std::vector<SegmentRun> segments_of(const AttentionFunction& f, std::size_t pair) {
  const std::int64_t length = std::min(f.pairs[pair].segment_length, f.seq_len);
  switch (f.axes.placement) {
    case Placement::whole:
      return {{{0, f.seq_len, 0, false}}};
    case Placement::first:
      return {{{0, length, 0, false}}};
    case Placement::spans: {
      const std::int64_t begin = span_begin(f, pair);
      const std::int64_t end = std::min(f.seq_len, begin + length);
      if (begin == end) return {};
      return {{{begin, end, 0, false}}};
    }
    case Placement::tiles:
      return tiled_segments(f.seq_len, length, f.axes.tail);
  }
  return {};
}

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
TileRows class_rows(OrderRule order, std::int64_t begin, std::int64_t end, std::int64_t residue, std::int64_t rate) {
  if (order == OrderRule::position || rate == 1) return {residue_class(begin, end, residue, rate)};
  const std::vector<std::int64_t> places = curve_order(order, end - begin);
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
  const auto residue = [&](std::int64_t c) { return class_rows(axes.order, s.begin, s.end, c, rate); };
  const TileRows all{residue_class(s.begin, s.end, 0, 1)};
  const TileRows query = axes.queries == QueryRule::dilated ? residue(offset) : all;
  switch (axes.keys) {
    case KeyRule::all:
      return add_tile(pattern, rule, run, query, all);
    case KeyRule::dilated:
      return add_tile(pattern, rule, run, query, axes.queries == QueryRule::dilated ? query : residue(offset));
    case KeyRule::sequence:
      return add_tile(pattern, rule, run, query, class_rows(axes.order, 0, pattern.function.seq_len, offset, rate));
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
  return pattern;
}

}  // namespace ringattn
