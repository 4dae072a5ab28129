#include "plan/causal.h"

#include <algorithm>
#include <numeric>

namespace ringattn {
namespace {

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - ((a % b != 0 && (a < 0) != (b < 0)) ? 1 : 0); }

Rows sub(const Rows& rows, std::int64_t begin, std::int64_t end, std::int64_t stride = 1) {
  const std::int64_t length = std::max<std::int64_t>(0, end - begin);
  return {.first = rows.first + begin * rows.step, .count = (length + stride - 1) / stride, .step = rows.step * stride};
}

Piece sub(const Piece& piece, std::int64_t begin, std::int64_t end, std::int64_t stride = 1) {
  return {.slot = sub(piece.slot, begin, end, stride), .position = sub(piece.position, begin, end, stride)};
}

void add(std::vector<Meeting>& meetings, const Rows& query, const Rows& key, MaskRule rule) {
  if (query.count == 0 || key.count == 0) return;
  // In a triangle of one key every query sees it.
  const bool one_key = rule == MaskRule::causal && key.count == 1;
  meetings.push_back({query, key, one_key ? MaskRule::full : rule});
}

/// Equal steps: at most one rectangle and one aligned triangle.
void add_aligned(std::vector<Meeting>& meetings, const Piece& query, const Piece& key) {
  const std::int64_t d = floor_div(query.position.first - key.position.first, key.position.step);
  if (d >= key.slot.count - 1) return add(meetings, query.slot, key.slot, MaskRule::full);
  if (d > 0) add(meetings, query.slot, sub(key.slot, 0, d), MaskRule::full);
  const Rows seeing = sub(query.slot, std::max<std::int64_t>(0, -d), query.slot.count);
  // Triangle rows see at most as many keys as there are rows, so later keys are dropped.
  const Rows seen = sub(key.slot, std::max<std::int64_t>(0, d),
                        std::min(key.slot.count, std::max<std::int64_t>(0, d) + seeing.count));
  add(meetings, seeing, seen, MaskRule::causal);
}

/// The residue classes of both sides modulo the common step, each pair of which has equal steps.
void add_staircase(std::vector<Meeting>& meetings, const Piece& query, const Piece& key) {
  const std::int64_t common = std::lcm(query.position.step, key.position.step);
  const std::int64_t query_classes = std::min(common / query.position.step, query.slot.count);
  const std::int64_t key_classes = std::min(common / key.position.step, key.slot.count);
  for (std::int64_t a = 0; a < query_classes; ++a) {
    for (std::int64_t b = 0; b < key_classes; ++b) {
      add_aligned(meetings, sub(query, a, query.slot.count, common / query.position.step),
                  sub(key, b, key.slot.count, common / key.position.step));
    }
  }
}

}  // namespace

std::vector<Meeting> causal_meetings(const Piece& query, const Piece& key) {
  std::vector<Meeting> meetings;
  const Rows& q = query.position;
  const Rows& k = key.position;
  const std::int64_t before = std::clamp<std::int64_t>(floor_div(k.first - q.first + q.step - 1, q.step), 0, q.count);
  if (q.step == k.step) {
    if (before < q.count) add_aligned(meetings, sub(query, before, q.count), key);
    return meetings;
  }
  // Queries [0, before) see nothing, [before, partial) some keys, [partial, count) all.
  const std::int64_t partial =
      std::clamp<std::int64_t>(floor_div(k.last_of_segment() - q.first + q.step - 1, q.step), before, q.count);
  add(meetings, sub(query.slot, partial, q.count), key.slot, MaskRule::full);
  if (before == partial) return meetings;
  const Piece middle = sub(query, before, partial);
  const std::int64_t seen_by_all =
      std::clamp<std::int64_t>(floor_div(middle.position.first - k.first, k.step), 0, k.count);
  add(meetings, middle.slot, sub(key.slot, 0, seen_by_all), MaskRule::full);
  add_staircase(meetings, middle, sub(key, seen_by_all, k.count));
  return meetings;
}

std::int64_t attended_pairs(MaskRule rule, std::int64_t queries, std::int64_t keys) {
  if (rule == MaskRule::full) return queries * keys;
  const std::int64_t corner = std::min(queries, keys);
  return corner * (corner + 1) / 2 + (queries - corner) * keys;
}

}  // namespace ringattn
