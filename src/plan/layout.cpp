#include "plan/layout.h"

#include "config/error.h"

#include <numeric>
#include <string>
#include <utility>

namespace ringattn {
namespace {

/// The n mod 2k rows left over go one each to the chunks 0 … k-1, then to 2k-1 … k, so that no rank gets a second one
/// before every rank has one.
std::int64_t zigzag_chunk_size(std::int64_t seq_len, int world_size, std::int64_t chunk) {
  const std::int64_t chunks = 2 * static_cast<std::int64_t>(world_size);
  const std::int64_t left_over = seq_len % chunks;
  const bool first_half = chunk < world_size;
  const bool extra = first_half ? chunk < left_over : chunks - 1 - chunk < left_over - world_size;
  return seq_len / chunks + (extra ? 1 : 0);
}

PositionRun zigzag_chunk(std::int64_t seq_len, int world_size, std::int64_t chunk) {
  std::int64_t begin = 0;
  for (std::int64_t c = 0; c < chunk; ++c) begin += zigzag_chunk_size(seq_len, world_size, c);
  return {.first = begin, .count = zigzag_chunk_size(seq_len, world_size, chunk), .step = 1};
}

Positions zigzag_positions(std::int64_t seq_len, int world_size, int rank) {
  const PositionRun low = zigzag_chunk(seq_len, world_size, rank);
  const PositionRun high = zigzag_chunk(seq_len, world_size, 2 * static_cast<std::int64_t>(world_size) - 1 - rank);
  if (low.count > 0 && high.count > 0 && low.first + low.count == high.first)
    return {{.first = low.first, .count = low.count + high.count, .step = 1}};
  Positions positions;
  if (low.count > 0) positions.push_back(low);
  if (high.count > 0) positions.push_back(high);
  return positions;
}

Positions striped_positions(std::int64_t seq_len, int world_size, int rank) {
  if (rank >= seq_len) return {};
  return {{.first = rank, .count = (seq_len - rank + world_size - 1) / world_size, .step = world_size}};
}

/// Rank r begins where the shards before it end.
Positions shard_positions(const std::vector<std::int64_t>& shard_rows, int rank) {
  const auto own = shard_rows.begin() + rank;
  if (*own == 0) return {};
  return {{.first = std::accumulate(shard_rows.begin(), own, std::int64_t{0}), .count = *own, .step = 1}};
}

}  // namespace

std::string_view to_string(LayoutKind kind) {
  switch (kind) {
    case LayoutKind::contiguous:
      return "contiguous";
    case LayoutKind::zigzag:
      return "zigzag";
    case LayoutKind::striped:
      return "striped";
    case LayoutKind::hilbert:
      return "hilbert";
  }
  return "";
}

Positions RowLayout::positions(int rank) const {
  switch (kind) {
    case LayoutKind::contiguous:
      return shard_rows.empty() ? contiguous_positions(seq_len, rank, world_size) : shard_positions(shard_rows, rank);
    case LayoutKind::zigzag:
      return zigzag_positions(seq_len, world_size, rank);
    case LayoutKind::striped:
      return striped_positions(seq_len, world_size, rank);
    case LayoutKind::hilbert:
      return curve_shards->at(static_cast<std::size_t>(rank));
  }
  return {};
}

RowLayout sharded_layout(std::vector<std::int64_t> shard_rows) {
  RowLayout layout{.seq_len = 0, .world_size = static_cast<int>(shard_rows.size())};
  for (std::size_t rank = 0; rank < shard_rows.size(); ++rank) {
    if (shard_rows[rank] < 0)
      throw UsageError("shard_rows: rank " + std::to_string(rank) + " has " + std::to_string(shard_rows[rank]) +
                       " rows; must be 0 or more");
    layout.seq_len += shard_rows[rank];
  }
  if (layout.seq_len == 0) throw UsageError("shard_rows: no rank has a row; the sequence must have at least one");
  layout.shard_rows = std::move(shard_rows);
  return layout;
}

}  // namespace ringattn
