#pragma once

#include "attention/oracle_curve.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>

namespace ringattn::oracle {

/// Keys first, first + step, … (count of them).
struct KeyProgression {
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::int64_t step = 1;
  bool operator==(const KeyProgression&) const = default;
  std::int64_t end() const { return count == 0 ? first : first + (count - 1) * step + 1; }
};

/// Number of values first, first + step, … below end.
inline std::int64_t progression_count(std::int64_t first, std::int64_t end, std::int64_t step) {
  return first < end ? (end - first + step - 1) / step : 0;
}

/// The key blocks that one query block meets: bit b / block_size for key place b of the sequence.
struct BlockRow {
  std::int64_t block_size = 1;
  std::vector<bool> meets;
};

/// The keys of one row through one pair: the positions in [low, high) whose place is one of first, first + step, … <
/// past. Without a curve place p is position begin + p, so they are a progression; with one it is begin + order[p].
/// With `blocks`, those whose block of places meets the row's.
struct KeySet {
  std::int64_t begin = 0;
  std::int64_t first = 0, step = 1, past = 0;
  std::int64_t low = 0, high = 0;
  std::shared_ptr<const Curve> curve{};
  std::shared_ptr<const BlockRow> blocks{};
  bool operator==(const KeySet&) const = default;

  std::int64_t place_of(std::int64_t position) const {
    return curve ? curve->place[static_cast<std::size_t>(position - begin)] : position - begin;
  }
  bool contains(std::int64_t position) const {
    if (position < low || position >= high) return false;
    const std::int64_t place = place_of(position);
    return place >= first && place < past && (place - first) % step == 0 && meets_block(begin + place);
  }

  /// The set as a progression, one form for one set: an empty one starts at 0, and a single key has step 1. None where
  /// a curve orders the places, or where blocks are left out.
  std::optional<KeyProgression> progression() const {
    if (curve || blocks) return std::nullopt;
    return within(low, high);
  }

  /// Bounding range [first, second) of the keys: tight without a curve, [low, high) with one.
  std::pair<std::int64_t, std::int64_t> range() const {
    if (curve) return {low, std::max(low, high)};
    const KeyProgression keys = within(low, high);
    return {keys.first, keys.end()};
  }

  /// Calls visit(key) for the keys in [from, to), ascending.
  template <typename Visit>
  void for_each(std::int64_t from, std::int64_t to, const Visit& visit) const {
    from = std::max(from, low), to = std::min(to, high);
    if (curve || blocks) {
      for (std::int64_t key = from; key < to; ++key) {
        if (contains(key)) visit(key);
      }
      return;
    }
    const KeyProgression keys = within(from, to);
    for (std::int64_t i = 0; i < keys.count; ++i) visit(keys.first + i * keys.step);
  }

 private:
  bool meets_block(std::int64_t place) const {
    return !blocks || blocks->meets[static_cast<std::size_t>(place / blocks->block_size)];
  }

  /// The keys in [from, to) without a curve.
  KeyProgression within(std::int64_t from, std::int64_t to) const {
    const std::int64_t start = begin + first;
    const std::int64_t skipped = progression_count(start, from, step);
    const std::int64_t smallest = start + skipped * step;
    const std::int64_t count = progression_count(smallest, std::min(to, begin + past), step);
    return {count == 0 ? 0 : smallest, count, count <= 1 ? 1 : step};
  }
};

}  // namespace ringattn::oracle
