#include "attention/departure_edits.h"
#include "attention/oracle_curve.h"

#include <algorithm>
#include <memory>
#include <utility>

// RingDilatedAttentionCorrect's pieces: a span's rows on one rank against its rows in one chunk. (legacy-catalogue
// §5.4)

namespace ringattn::oracle {
namespace {

struct Rows {
  std::int64_t first = 0, count = 0;
};

Rows overlap(const Rows& a, const Rows& b) {
  const std::int64_t first = std::max(a.first, b.first);
  return {first, std::max<std::int64_t>(0, std::min(a.first + a.count, b.first + b.count) - first)};
}

/// A span on one rank, and how it meets each chunk.
struct Pieces {
  Rows queries{};
  std::int64_t chunk_rows = 1, rate = 1;
  bool is_causal = false;
  std::shared_ptr<const Curve> curve{};  ///< through rows as many as the queries; null: none
  std::vector<bool> along_curve{};  ///< by chunk: as many keys as queries, so that both are put in the curve's order

  bool is_along_curve(std::int64_t chunk) const { return curve && along_curve[static_cast<std::size_t>(chunk)]; }
  std::int64_t place(std::int64_t row, std::int64_t chunk) const {
    return is_along_curve(chunk) ? curve->place[static_cast<std::size_t>(row)] : row;
  }
  /// Same residue class of places; in the first class a later place is hidden where the function is causal.
  bool sees(const QuerySlot& query, const KeySlot& key) const {
    const std::int64_t own = place(query.position - queries.first, key.first / chunk_rows);
    if (own % rate != key.slot % rate) return false;
    const std::int64_t key_start = key.count_from;
    return !is_causal || own % rate != 0 || key_start + key.slot <= queries.first + own;
  }
};

Step step_of(const Pieces& pieces, const Rows& chunk, const Rows& keys) {
  const std::int64_t c = chunk.first / pieces.chunk_rows;
  Step step{chunk.first, chunk.count, {}};
  for (std::int64_t j = 0; j < keys.count; ++j) {
    step.keys.push_back(
        {.position = keys.first + j, .slot = pieces.place(j, c), .first = chunk.first, .count_from = keys.first});
  }
  // The logsumexp of place p was left at row p.
  if (pieces.is_along_curve(c)) {
    step.weigher = [pieces](const QuerySlot& query) {
      QuerySlot other = query;
      const auto row = static_cast<std::size_t>(query.position - pieces.queries.first);
      other.position = pieces.queries.first + pieces.curve->order[row];
      return other;
    };
  }
  return step;
}

Block block_of(const Surroundings& around, std::int64_t pair, const Rows& span, std::int64_t rank) {
  const AttentionFunction& function = around.function;
  const std::int64_t rows = (function.seq_len + around.ranks - 1) / around.ranks;
  const auto chunk = [&](std::int64_t c) { return overlap({0, function.seq_len}, {c * rows, rows}); };
  auto pieces = std::make_shared<Pieces>();
  pieces->queries = overlap(span, chunk(rank));
  pieces->chunk_rows = rows;
  pieces->rate = function.pairs[static_cast<std::size_t>(pair)].dilation_rate;
  pieces->is_causal = function.is_causal;
  pieces->curve = curve_of(function.axes.order, pieces->queries.count);
  for (std::int64_t c = 0; c < around.ranks; ++c)
    pieces->along_curve.push_back(overlap(span, chunk(c)).count == pieces->queries.count);

  Block block{.pair = pair, .begin = span.first, .length = span.count};
  for (std::int64_t h = 0; h < function.heads; ++h) block.heads.push_back(h);
  for (std::int64_t j = 0; j < pieces->queries.count; ++j)
    block.queries.push_back({pieces->queries.first + j, pieces->queries.first + j, j});
  for (std::int64_t t = 0; t < around.ranks; ++t) {
    const std::int64_t c = (rank + around.ranks - t) % around.ranks;
    block.steps.push_back(step_of(*pieces, chunk(c), overlap(span, chunk(c))));
  }
  block.sees = [pieces](const QuerySlot& query, const KeySlot& key) { return pieces->sees(query, key); };
  return block;
}

/// Rows past all spans, which on several ranks divided 0 by 0.
Block outside(const Surroundings& around, const Rows& rows) {
  Block block{.begin = rows.first, .length = rows.count};
  for (std::int64_t h = 0; h < around.function.heads; ++h) block.heads.push_back(h);
  for (std::int64_t j = 0; j < rows.count; ++j) block.queries.push_back({rows.first + j, rows.first + j, j});
  block.steps = {{rows.first, rows.count, {{.position = rows.first}}}};
  block.sees = [](const QuerySlot&, const KeySlot&) { return false; };
  return block;
}

}  // namespace

void restart_classes(Blocks& blocks, const Surroundings& around) {
  const std::int64_t n = around.function.seq_len;
  blocks.clear();
  std::int64_t first = 0;
  for (std::size_t pair = 0; pair < around.function.pairs.size(); ++pair) {
    const Rows span = overlap({0, n}, {first, around.function.pairs[pair].segment_length});
    for (std::int64_t rank = 0; rank < around.ranks && span.count > 0; ++rank) {
      Block block = block_of(around, static_cast<std::int64_t>(pair), span, rank);
      if (!block.queries.empty()) blocks.push_back(std::move(block));
    }
    first = std::min(n, first + around.function.pairs[pair].segment_length);
  }
  if (around.ranks > 1 && first < n) blocks.push_back(outside(around, {first, n - first}));
}

}  // namespace ringattn::oracle
