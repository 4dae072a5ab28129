#include "attention/departure_hilbert.h"
#include "attention/oracle_curve.h"

#include <memory>
#include <utility>

namespace ringattn::oracle {
namespace {

using SharedCurve = std::shared_ptr<const Curve>;

/// The place of a row of a run that begins at `begin`; its number there where no curve orders it.
std::int64_t place_of(const SharedCurve& curve, std::int64_t begin, std::int64_t position) {
  const std::int64_t row = position - begin;
  return curve ? curve->place[static_cast<std::size_t>(row)] : row;
}

Sees sees_along(SharedCurve curve, std::int64_t begin) {
  return [curve = std::move(curve), begin](const QuerySlot& query, const KeySlot& key) {
    return place_of(curve, begin, key.position) <= place_of(curve, begin, query.position);
  };
}

std::int64_t rate_of(const Block& block, const Surroundings& around) {
  return around.function.pairs[static_cast<std::size_t>(block.pair)].dilation_rate;
}

std::int64_t chunk_rows(const Surroundings& around) {
  return (around.function.seq_len + around.ranks - 1) / around.ranks;
}

/// place[key mod C] <= place[query mod C].
Sees sees_in_chunks(SharedCurve curve, std::int64_t rows) {
  return [curve = std::move(curve), rows](const QuerySlot& query, const KeySlot& key) {
    return place_of(curve, 0, key.position % rows) <= place_of(curve, 0, query.position % rows);
  };
}

}  // namespace

void see_by_place(std::vector<Block>& blocks, const Surroundings& around) {
  if (!around.function.is_causal) return;
  for (Block& block : blocks) block.sees = sees_along(curve_of(around.function.axes.order, block.length), block.begin);
}

void see_undilated_by_snake(std::vector<Block>& blocks, const Surroundings& around) {
  if (!around.function.is_causal) return;
  for (Block& block : blocks) {
    if (rate_of(block, around) > 1) continue;
    block.sees = sees_along(curve_of(OrderRule::snake, block.length), block.begin);
  }
}

void see_by_chunk_curve(std::vector<Block>& blocks, const Surroundings& around) {
  constexpr std::int64_t shortest_ordered = 64;
  const std::int64_t rows = chunk_rows(around);
  if (!around.function.is_causal) return;
  const SharedCurve curve = rows < shortest_ordered ? nullptr : curve_of(OrderRule::hilbert, rows);
  for (Block& block : blocks) block.sees = sees_in_chunks(curve, rows);
}

void see_by_chunk_triangle(std::vector<Block>& blocks, const Surroundings& around) {
  if (!around.function.is_causal) return;
  for (Block& block : blocks) block.sees = sees_in_chunks(nullptr, chunk_rows(around));
}

void mask_first_class_only(std::vector<Block>& blocks, const Surroundings& around) {
  for (Block& block : blocks) {
    const std::int64_t r = rate_of(block, around);
    if (r == 1 || block.queries.empty()) continue;
    const SharedCurve curve = curve_of(around.function.axes.order, block.length);
    if (place_of(curve, block.begin, block.queries.front().position) % r != 0) block.sees = nullptr;
  }
}

void mask_first_pair_only(std::vector<Block>& blocks, const Surroundings& /*around*/) {
  for (Block& block : blocks) {
    if (block.pair > 0) block.sees = nullptr;
  }
}

}  // namespace ringattn::oracle
