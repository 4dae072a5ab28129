#include "plan/piece.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace ringattn {
namespace {

std::int64_t positive_mod(std::int64_t a, std::int64_t m) { return ((a % m) + m) % m; }

/// x with a·x ≡ 1 (mod m), for coprime a and m (extended Euclid).
std::int64_t inverse_mod(std::int64_t a, std::int64_t m) {
  std::int64_t r0 = m, r1 = positive_mod(a, m), t0 = 0, t1 = 1;
  while (r1 > 0) {
    const std::int64_t q = r0 / r1;
    r0 = std::exchange(r1, r0 - q * r1);
    t0 = std::exchange(t1, t0 - q * t1);
  }
  return positive_mod(t0, m);
}

/// Smallest position >= `from` that is ≡ a (mod s) and ≡ b (mod t), or -1 when there is none.
std::int64_t first_common(std::int64_t a, std::int64_t s, std::int64_t b, std::int64_t t, std::int64_t from) {
  const std::int64_t g = std::gcd(s, t);
  if (positive_mod(b - a, g) != 0) return -1;
  const std::int64_t t_reduced = t / g;
  const std::int64_t factor =
      positive_mod(positive_mod((b - a) / g, t_reduced) * inverse_mod(s / g, t_reduced), t_reduced);
  const std::int64_t step = s * t_reduced;
  const std::int64_t common = a + s * factor;
  return from + positive_mod(common - from, step);
}

Piece common_piece(const Rows& rows, const PositionRun& run, std::int64_t slot_base) {
  const std::int64_t step = std::lcm(rows.step, run.step);
  const std::int64_t from = std::max(rows.first, run.first);
  const std::int64_t last = std::min(rows.last_of_segment(), run.first + (run.count - 1) * run.step);
  const std::int64_t first = first_common(rows.first, rows.step, run.first, run.step, from);
  if (first < 0 || first > last) return {};
  const std::int64_t common = (last - first) / step + 1;
  return {.slot = {.first = slot_base + (first - run.first) / run.step, .count = common, .step = step / run.step},
          .position = {.first = first, .count = common, .step = step}};
}

}  // namespace

std::vector<Piece> owned_pieces(const Rows& rows, const Positions& owned) {
  std::vector<Piece> pieces;
  if (rows.count == 0) return pieces;
  std::int64_t slot_base = 0;
  for (const PositionRun& run : owned) {
    const Piece piece = common_piece(rows, run, slot_base);
    if (piece.slot.count > 0) pieces.push_back(piece);
    slot_base += run.count;
  }
  return pieces;
}

}  // namespace ringattn
