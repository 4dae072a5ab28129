#include "plan/shard_tiles.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace ringattn {
namespace {

std::vector<Rows> joined_slots(const std::vector<Piece>& pieces) {
  std::vector<Rows> slots;
  for (const Piece& piece : pieces) slots.push_back(piece.slot);
  return join_adjacent(slots);
}

std::vector<Meeting> full_meetings(const std::vector<Piece>& query, const std::vector<Piece>& key) {
  std::vector<Meeting> meetings;
  for (const Rows& q : joined_slots(query)) {
    for (const Rows& k : joined_slots(key)) meetings.push_back({q, k, MaskRule::full});
  }
  return meetings;
}

/// Joins `next` onto `last` where they form one rectangle: same keys and continuing queries, or the other way round.
bool join_rectangles(Meeting& last, const Meeting& next) {
  if (last.rule != MaskRule::full || next.rule != MaskRule::full) return false;
  if (last.key_slot == next.key_slot) {
    const std::vector<Rows> joined = join_adjacent({last.query_slot, next.query_slot});
    if (joined.size() == 1) return last.query_slot = joined.front(), true;
  }
  if (last.query_slot == next.query_slot) {
    const std::vector<Rows> joined = join_adjacent({last.key_slot, next.key_slot});
    if (joined.size() == 1) return last.key_slot = joined.front(), true;
  }
  return false;
}

std::vector<Meeting> join_meetings(const std::vector<Meeting>& meetings) {
  std::vector<Meeting> joined;
  for (const Meeting& meeting : meetings) {
    const bool absorbed =
        std::any_of(joined.begin(), joined.end(), [&](Meeting& earlier) { return join_rectangles(earlier, meeting); });
    if (!absorbed) joined.push_back(meeting);
  }
  return joined;
}

std::vector<Meeting> causal_meetings_of(const std::vector<Piece>& query, const std::vector<Piece>& key,
                                        bool same_rank) {
  if (same_rank && query == key) {
    // Local rows ascend with position, so the triangle over positions is the triangle over local rows, across all runs
    // at once.
    const std::vector<Rows> slots = joined_slots(query);
    if (slots.size() == 1)
      return {{slots.front(), slots.front(), slots.front().count == 1 ? MaskRule::full : MaskRule::causal}};
  }
  std::vector<Meeting> meetings;
  for (const Piece& q : query) {
    for (const Piece& k : key) {
      const std::vector<Meeting> more = causal_meetings(q, k);
      meetings.insert(meetings.end(), more.begin(), more.end());
    }
  }
  return join_meetings(meetings);
}

/// Folds tiles of one shape whose query and key rows both advance by constant strides into one tile with segments.
class SegmentFolder {
 public:
  void add(const ShardTile& tile) {
    const Shape shape{tile.pair,        tile.heads.begin, tile.heads.end, tile.rule,
                      tile.query.count, tile.query.step,  tile.key.count, tile.key.step};
    const auto open = open_.find(shape);
    if (open != open_.end() && extend(tiles_[open->second], tile)) return;
    open_[shape] = tiles_.size();
    tiles_.push_back(tile);
  }
  std::vector<ShardTile> take() { return std::move(tiles_); }

 private:
  using Shape = std::tuple<std::int64_t, std::int64_t, std::int64_t, MaskRule, std::int64_t, std::int64_t, std::int64_t,
                           std::int64_t>;

  static bool extend(ShardTile& folded, const ShardTile& next) {
    const std::int64_t query_stride = next.query.first - folded.query.first;
    const std::int64_t key_stride = next.key.first - folded.key.first;
    if (folded.query.segments == 1) {
      // Segments that share query rows must stay apart, as a kernel runs them at the same time; and views cannot step
      // backwards.
      if (query_stride < folded.query.count * folded.query.step || key_stride < 0) return false;
      folded.query.segment_stride = query_stride;
      folded.key.segment_stride = key_stride;
    } else if (query_stride != folded.query.segments * folded.query.segment_stride ||
               key_stride != folded.key.segments * folded.key.segment_stride) {
      return false;
    }
    ++folded.query.segments;
    ++folded.key.segments;
    return true;
  }

  std::map<Shape, std::size_t> open_;
  std::vector<ShardTile> tiles_;
};

}  // namespace

std::vector<ShardTile> shard_tiles(const Pattern& pattern, const RowLayout& layout, int rank, int source) {
  const Positions own = layout.positions(rank);
  const Positions theirs = rank == source ? own : layout.positions(source);
  const bool is_causal = pattern.function.is_causal;
  SegmentFolder folder;
  for (const PatternTile& tile : pattern.tiles) {
    for (std::int64_t s = 0; s < tile.query.segments; ++s) {
      const std::vector<Piece> query = owned_pieces(tile.query.segment(s), own);
      if (query.empty()) continue;
      const std::vector<Piece> key = owned_pieces(tile.key.segment(s), theirs);
      if (key.empty()) continue;
      for (const Meeting& m : is_causal ? causal_meetings_of(query, key, rank == source) : full_meetings(query, key))
        folder.add({tile.pair, tile.heads, m.query_slot, m.key_slot, m.rule});
    }
  }
  return folder.take();
}

}  // namespace ringattn
