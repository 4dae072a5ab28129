#include "pattern/pattern.h"

#include "config/error.h"
#include "pattern/causal_count.h"

#include <fmt/format.h>

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

void add_tile(Pattern& pattern, const SegmentRule& rule, const SegmentRun& run, Rows query, Rows key) {
  if (query.count == 0 || key.count == 0) return;
  query.segments = key.segments = run.repeats;
  query.segment_stride = run.stride;
  key.segment_stride = pattern.function.axes.keys == KeyRule::sequence ? 0 : run.stride;
  pattern.tiles.push_back({rule.pair, rule.heads, query, key});
}

void add_segment(Pattern& pattern, const SegmentRule& rule, const SegmentRun& run) {
  const PatternAxes& axes = pattern.function.axes;
  const Segment& s = run.segment;
  const bool dense_tail = s.is_tail && axes.tail == TailRule::dense;
  const std::int64_t rate = dense_tail ? 1 : rule.rate;
  const std::int64_t offset = dense_tail ? 0 : rule.offset;
  const Rows all = residue_class(s.begin, s.end, 0, 1);
  const Rows own_class = residue_class(s.begin, s.end, offset, rate);
  const Rows query = axes.queries == QueryRule::dilated ? own_class : all;
  switch (axes.keys) {
    case KeyRule::all:
      return add_tile(pattern, rule, run, query, all);
    case KeyRule::dilated:
      return add_tile(pattern, rule, run, query, own_class);
    case KeyRule::sequence:
      return add_tile(pattern, rule, run, query, residue_class(0, pattern.function.seq_len, offset, rate));
    case KeyRule::residue:
      if (axes.queries == QueryRule::dilated) return add_tile(pattern, rule, run, own_class, own_class);
      for (std::int64_t c = 0; c < rate; ++c) {
        const Rows residue = residue_class(s.begin, s.end, c, rate);
        add_tile(pattern, rule, run, residue, residue);
      }
  }
}

/// Splits a folded run where the offset differs from segment to segment, and the heads where it differs from head to
/// head.
void add_run(Pattern& pattern, const SegmentRule& base, const SegmentRun& run) {
  const OffsetRule offset = pattern.function.axes.offset;
  const bool by_segment = offset == OffsetRule::segment || offset == OffsetRule::tile;
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

void check_runs(const AttentionFunction& f) {
  if (f.pairs.empty())
    throw UsageError(
        "segment_lengths: the pattern has no pairs; at least one (segment length, dilation rate) is needed");
  for (const Pair& pair : f.pairs) {
    if (pair.segment_length < 1 || pair.dilation_rate < 1)
      throw UsageError(
          fmt::format("segment_lengths, dilation_rates: the pair ({}, {}) is out of range; both must be at least 1",
                      pair.segment_length, pair.dilation_rate));
  }
  if (f.seq_len < 1) throw UsageError(fmt::format("seq_len: {} is out of range; at least 1", f.seq_len));
  if (f.heads < 1) throw UsageError(fmt::format("heads: {} is out of range; at least 1", f.heads));
  const bool pairs_may_meet =
      f.pairs.size() > 1 && f.axes.heads == HeadRule::all && f.axes.placement != Placement::spans;
  if (f.axes.join == JoinRule::single && pairs_may_meet)
    throw UsageError(
        "pattern/join: \"single\" needs pairs that never meet on a row (heads in groups, or placement \"spans\"); use "
        "\"mean\" or \"softmax\"");
  if (f.axes.join == JoinRule::mean && pairs_may_meet)
    throw Unavailable(
        "pattern/join: \"mean\" keeps one state per pair, which this engine does not run; \"softmax\" and \"groups\" "
        "run");
  if (f.axes.join == JoinRule::groups && pairs_may_meet)
    throw UsageError(
        "pattern/join: \"groups\" divides by the number of head groups and has no meaning with heads \"all\"; use "
        "\"softmax\"");
  if (f.axes.order != OrderRule::position)
    throw Unavailable("pattern/order: curve orders are not run by this engine; \"position\" is");
  if (f.axes.placement == Placement::spans && f.axes.keys == KeyRule::sequence)
    throw UsageError(
        "pattern/keys: \"sequence\" has no meaning with placement \"spans\"; use \"dilated\" or \"residue\"");
}

Pattern make_pattern(const AttentionFunction& function) {
  check_runs(function);
  Pattern pattern{function, {}, 1.0};
  const auto groups = static_cast<std::int64_t>(function.pairs.size());
  const std::vector<HeadRange> ranges = head_groups(function.axes.heads, function.heads, groups);
  for (std::int64_t i = 0; i < groups; ++i) {
    const auto index = static_cast<std::size_t>(i);
    if (ranges[index].size() == 0) continue;
    const SegmentRule rule{.pair = i, .heads = ranges[index], .rate = function.pairs[index].dilation_rate};
    for (const SegmentRun& run : segments_of(function, index)) add_run(pattern, rule, run);
  }
  if (function.axes.join == JoinRule::groups) pattern.scale = 1.0 / static_cast<double>(groups);
  return pattern;
}

double covered_share(const Pattern& pattern) {
  const AttentionFunction& f = pattern.function;
  std::vector<std::vector<bool>> seen(static_cast<std::size_t>(f.heads),
                                      std::vector<bool>(static_cast<std::size_t>(f.seq_len), false));
  for (const PatternTile& tile : pattern.tiles) {
    for (std::int64_t s = 0; s < tile.query.segments; ++s) {
      const Rows query = tile.query.segment(s);
      const std::int64_t first_key = tile.key.segment(s).first;
      for (std::int64_t i = 0; i < query.count; ++i) {
        const std::int64_t row = query.first + i * query.step;
        if (f.is_causal && row < first_key) continue;
        for (std::int64_t h = tile.heads.begin; h < tile.heads.end; ++h)
          seen[static_cast<std::size_t>(h)][static_cast<std::size_t>(row)] = true;
      }
    }
  }
  std::int64_t covered = 0;
  for (const std::vector<bool>& head : seen) covered += std::count(head.begin(), head.end(), true);
  return static_cast<double>(covered) / static_cast<double>(f.heads * f.seq_len);
}

std::int64_t attended_pairs(const Pattern& pattern) {
  std::int64_t total = 0;
  for (const PatternTile& tile : pattern.tiles) {
    for (std::int64_t s = 0; s < tile.query.segments; ++s) {
      const Rows query = tile.query.segment(s);
      const Rows key = tile.key.segment(s);
      const std::int64_t pairs = pattern.function.is_causal ? causal_pairs(query, key) : query.count * key.count;
      total += pairs * tile.heads.size();
    }
  }
  return total;
}

}  // namespace ringattn
