#include "pattern/segments.h"

#include <algorithm>

namespace ringattn {
namespace {

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

}  // namespace

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

}  // namespace ringattn
