#pragma once

#include "config/pattern_spec.h"
#include "config/ring_attention_config.h"
#include "tests/support/recordings.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

// The single-process functions of the released classes as axes, and where a class really computes its function: beyond
// that it counts some keys twice, wraps around, or masks by slot instead of position.

namespace ringattn::testing {

struct ReleasedFamily {
  std::string alias;
  PatternAxes axes;
  bool (*holds)(const Recording&);  ///< the class computes the axes' function
};

/// Rows of a segment of `length` at offset, offset + rate, …
inline std::int64_t dilated_rows(std::int64_t length, std::int64_t offset, std::int64_t rate) {
  return offset < length ? (length - offset + rate - 1) / rate : 0;
}

/// The lengths of the segments that tile the sequence, the last one short.
inline std::vector<std::int64_t> tile_lengths(const Recording& r, const Pair& pair) {
  const std::int64_t w = std::min(pair.segment_length, r.seq_len());
  std::vector<std::int64_t> lengths(static_cast<std::size_t>(r.seq_len() / w), w);
  if (r.seq_len() % w > 0) lengths.push_back(r.seq_len() % w);
  return lengths;
}

inline bool is_undilated(const Recording& r) {
  return std::all_of(r.pairs.begin(), r.pairs.end(), [](const Pair& pair) { return pair.dilation_rate == 1; });
}

inline bool is_one_segment(const Recording& r) {
  return std::all_of(r.pairs.begin(), r.pairs.end(), [&](const Pair& p) { return p.segment_length >= r.seq_len(); });
}

/// A class that fills the slots of a stretch of `length` rows from its dilated rows, over and over, counts each key
/// equally often: dilated rows | length.
inline bool fills_evenly(std::int64_t length, std::size_t pair, std::int64_t rate) {
  const std::int64_t rows = dilated_rows(length, static_cast<std::int64_t>(pair) % rate, rate);
  return rate == 1 || (rows > 0 && length % rows == 0);
}

/// A class that takes (o + j·r) mod ℓ for j·r < ℓ stays within one residue class: o + r(⌈ℓ/r⌉ - 1) < ℓ.
inline bool never_wraps(const Recording& r, bool offset_moves) {
  for (std::size_t i = 0; i < r.pairs.size(); ++i) {
    const std::int64_t rate = r.pairs[i].dilation_rate;
    const std::vector<std::int64_t> lengths = tile_lengths(r, r.pairs[i]);
    for (std::size_t t = 0; t < lengths.size(); ++t) {
      const std::int64_t offset = static_cast<std::int64_t>(i + (offset_moves ? t : 0)) % rate;
      if (offset + rate * (dilated_rows(lengths[t], 0, rate) - 1) >= lengths[t]) return false;
    }
  }
  return true;
}

inline bool always(const Recording&) { return true; }

/// Causal by key slot: right without dilation alone.
inline bool segments_fill_evenly(const Recording& r) {
  if (r.is_causal) return is_undilated(r);
  for (std::size_t i = 0; i < r.pairs.size(); ++i) {
    if (!fills_evenly(std::min(r.pairs[i].segment_length, r.seq_len()), i, r.pairs[i].dilation_rate)) return false;
  }
  return true;
}

/// The same for a class whose heads are 0 where a segment is longer than the sequence.
inline bool whole_segments_fill_evenly(const Recording& r) {
  const auto fits = [&](const Pair& pair) { return pair.segment_length <= r.seq_len(); };
  return segments_fill_evenly(r) && std::all_of(r.pairs.begin(), r.pairs.end(), fits);
}

inline bool sequence_fills_evenly(const Recording& r) {
  if (r.is_causal) return is_undilated(r);
  for (std::size_t i = 0; i < r.pairs.size(); ++i) {
    if (!fills_evenly(r.seq_len(), i, r.pairs[i].dilation_rate)) return false;
  }
  return true;
}

/// Causal raises from the second segment on.
inline bool pair_offset_never_wraps(const Recording& r) {
  return never_wraps(r, false) && (!r.is_causal || is_one_segment(r));
}

/// The causal mask is inverted.
inline bool segment_offset_never_wraps(const Recording& r) { return !r.is_causal && never_wraps(r, true); }

/// Causal by key slot.
inline bool full_or_undilated(const Recording& r) { return !r.is_causal || is_undilated(r); }

/// Keys are of the query's class in the sequence, which is its class in the segment where segments begin at multiples
/// of r. The causal mask is that of a segment's last query.
inline bool classes_agree(const Recording& r) {
  const auto agrees = [&](const Pair& pair) {
    return pair.segment_length >= r.seq_len() || pair.segment_length % pair.dilation_rate == 0;
  };
  return !r.is_causal && std::all_of(r.pairs.begin(), r.pairs.end(), agrees);
}

/// Causal in the first segment alone.
inline bool full_or_one_segment(const Recording& r) { return !r.is_causal || is_one_segment(r); }

inline bool is_full(const Recording& r) { return !r.is_causal; }

/// Causal by place along the curve, in the first class alone: right without dilation up to the 64 rows that are not
/// reordered.
inline bool full_or_short_undilated_spans(const Recording& r) {
  const auto is_short = [&](const Pair& pair) { return !r.is_reordered() || pair.segment_length <= 64; };
  return !r.is_causal || (is_undilated(r) && std::all_of(r.pairs.begin(), r.pairs.end(), is_short));
}

/// Reordered segments are permuted only where they are powers of two (or a little above: pattern/curve.h); causal by
/// place along the curve, so by position where nothing is reordered.
inline bool turns_or_short(const Recording& r) {
  if (!r.is_reordered()) return true;
  for (const Pair& pair : r.pairs) {
    for (const std::int64_t length : tile_lengths(r, pair)) {
      const bool is_power_of_two = (length & (length - 1)) == 0;
      if (length > 64 && (r.is_causal || !is_power_of_two)) return false;
    }
  }
  return true;
}

inline PatternAxes with_order(PatternAxes axes, OrderRule order) {
  axes.order = order;
  return axes;
}

/// Tiles whose queries are their dilated rows, the other axes given.
inline PatternAxes dilated_with(HeadRule heads, OffsetRule offset, KeyRule keys, JoinRule join, TailRule tail) {
  PatternAxes axes = axes_of(PatternName::dilated);
  axes.heads = heads;
  axes.offset = offset;
  axes.keys = keys;
  axes.join = join;
  axes.tail = tail;
  return axes;
}

inline PatternAxes spans_of_strided_keys() {
  PatternAxes axes = axes_of(PatternName::residue);
  axes.offset = OffsetRule::zero;
  axes.keys = KeyRule::sequence;
  return axes;
}

inline PatternAxes dilated_keys_along_the_turned_curve() {
  PatternAxes axes = axes_of(PatternName::dilated_keys);
  axes.heads = HeadRule::drop;
  axes.offset = OffsetRule::zero;
  axes.order = OrderRule::turned;
  axes.tail = TailRule::shortened;
  return axes;
}

inline std::vector<ReleasedFamily> released_families() {
  const PatternAxes residue = axes_of(PatternName::residue);
  const PatternAxes snake = with_order(residue, OrderRule::snake);
  const TailRule cut = TailRule::shortened;
  return {
      {"base", axes_of(PatternName::dilated), always},
      {"v2", axes_of(PatternName::dilated_keys), segments_fill_evenly},
      {"v2_robust", axes_of(PatternName::strided_keys), sequence_fills_evenly},
      {"correct", snake, full_or_short_undilated_spans},
      {"hilbert_core", residue, full_or_short_undilated_spans},
      {"hilbert_optimized_correct", snake, full_or_short_undilated_spans},
      {"hilbert_proper", snake, is_full},
      {"hilbert_gpu_optimized", snake, is_full},
      {"hilbert_optimized_fixed", dilated_keys_along_the_turned_curve(), turns_or_short},
      {"hybrid", dilated_with(HeadRule::first, OffsetRule::pair, KeyRule::dilated, JoinRule::single, cut),
       pair_offset_never_wraps},
      {"hybrid_fixed", dilated_with(HeadRule::first, OffsetRule::segment, KeyRule::dilated, JoinRule::single, cut),
       segment_offset_never_wraps},
      {"production",
       dilated_with(HeadRule::last, OffsetRule::pair, KeyRule::dilated, JoinRule::single, TailRule::dense),
       whole_segments_fill_evenly},
      {"fixed", spans_of_strided_keys(), full_or_undilated},
      {"triton_opt", dilated_with(HeadRule::first, OffsetRule::segment, KeyRule::sequence, JoinRule::single, cut),
       classes_agree},
      {"simple_triton", dilated_with(HeadRule::all, OffsetRule::tile, KeyRule::dilated, JoinRule::mean, cut),
       full_or_one_segment},
  };
}

/// The new configuration that preserves what the class computed.
inline RingAttentionConfig preserving_config(const ReleasedFamily& family, const Recording& recording) {
  RingAttentionConfig config;
  PatternAxes axes = family.axes;
  if (!recording.is_reordered()) axes.order = OrderRule::position;
  config.pattern = {PatternName::custom, axes};
  std::vector<Pair> pairs = recording.pairs;
  const nlohmann::json& constructor = recording.constructor;
  if (constructor.contains("attention_scale")) config.softmax_scale = constructor.at("attention_scale").get<double>();
  if (family.alias == "hilbert_optimized_fixed") {
    // Its scale is 1/√dim of the constructor, or of the configuration given there; each pair has at least one head, and
    // pairs beyond the heads have none.
    const auto dim = constructor.value("config", constructor).value("dim", 64);
    config.softmax_scale = 1.0 / std::sqrt(static_cast<double>(dim));
    pairs.resize(std::min(pairs.size(), static_cast<std::size_t>(recording.heads())));
  }
  for (const Pair& pair : pairs) {
    config.segment_lengths.push_back(pair.segment_length);
    config.dilation_rates.push_back(pair.dilation_rate);
  }
  return config;
}

}  // namespace ringattn::testing
