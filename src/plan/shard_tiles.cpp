#include "plan/shard_tiles.h"

#include "plan/bands.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace ringattn {
namespace {

/// Couples of position runs above which causal tiles go by bands.
constexpr std::size_t kRunCouplesMax = 64;

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
    if (tile.rule == MaskRule::positions || !tile.query_index.empty() || !tile.key_index.empty())
      return tiles_.push_back(tile);
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

/// Rows of a list as a progression where they are one; then every slice of them is one, too.
class SlotList {
 public:
  explicit SlotList(std::vector<std::int64_t> slots) {
    const std::vector<Rows> runs = to_progressions(slots);
    if (runs.size() == 1)
      rows_ = runs.front();
    else
      list_ = std::make_shared<const std::vector<std::int64_t>>(std::move(slots));
  }
  Rows rows(const Stretch& stretch) const {
    if (list_ != nullptr) return {};
    return {.first = rows_.first + stretch.begin * rows_.step,
            .count = stretch.size(),
            .step = stretch.size() > 1 ? rows_.step : 1};
  }
  RowSlice slice(const Stretch& stretch) const {
    return list_ != nullptr ? RowSlice{list_, stretch.begin, stretch.end} : RowSlice{};
  }

 private:
  Rows rows_;
  RowList list_;
};

/// The tiles of one rank with one source.
class ShardTiler {
 public:
  ShardTiler(const Pattern& pattern, const RowLayout& layout, int rank, int source)
      : function_(pattern.function),
        visibility_(pattern.function),
        is_same_(rank == source),
        own_(layout.positions(rank)),
        theirs_(is_same_ ? own_ : layout.positions(source)),
        is_out_of_sight_(no_key_in_sight()) {}

  void add(const PatternTile& tile) {
    const bool has_list = tile.query_list != nullptr || tile.key_list != nullptr;
    for (std::int64_t s = 0; s < (has_list ? 1 : tile.query.segments); ++s) {
      if (has_list || goes_by_bands())
        add_bands(tile, s);
      else if (function_.documents.empty())
        add_meetings(tile, tile.query.segment(s), tile.key.segment(s));
      else
        add_documents(tile, tile.query.segment(s), tile.key.segment(s));
    }
  }
  std::vector<ShardTile> take() { return folder_.take(); }

 private:
  /// A triangle under a mask of scores would need a bias as large as itself; bands are short. Where rows lie in many
  /// runs, each couple of runs would be a meeting of its own.
  bool goes_by_bands() const {
    return !function_.window.is_open() || (function_.is_causal && (function_.mask.kind == MaskKind::scores ||
                                                                   own_.size() * theirs_.size() > kRunCouplesMax));
  }

  /// Whether the source's first and last row already tell that none of them can be seen.
  bool no_key_in_sight() const {
    if (own_.empty() || theirs_.empty()) return true;
    const auto last_of = [](const Positions& rows) {
      std::int64_t last = 0;
      for (const PositionRun& run : rows) last = std::max(last, run.first + (run.count - 1) * run.step);
      return last;
    };
    return visibility_.keys_of(last_of(own_)).end <= theirs_.front().first ||
           visibility_.keys_of(own_.front().first).begin > last_of(theirs_);
  }

  void add_meetings(const PatternTile& tile, const Rows& query_rows, const Rows& key_rows) {
    const std::vector<Piece> query = owned_pieces(query_rows, own_);
    if (query.empty()) return;
    const std::vector<Piece> key = owned_pieces(key_rows, theirs_);
    if (key.empty()) return;
    for (const Meeting& m : function_.is_causal ? causal_meetings_of(query, key, is_same_) : full_meetings(query, key))
      folder_.add({tile.pair, tile.heads, m.query_slot, m.key_slot, m.rule});
  }

  /// Documents cut queries and keys alike; within one, nothing else is different.
  void add_documents(const PatternTile& tile, const Rows& query, const Rows& key) {
    for (Rows rest = query; rest.count > 0;) {
      const PositionRange document = visibility_.document_of(rest.first);
      const Rows inside = clip(rest, document);
      add_meetings(tile, inside, clip(key, document));
      rest = clip(rest, {document.end, function_.seq_len});
    }
  }

  void add_bands(const PatternTile& tile, std::int64_t segment) {
    if (is_out_of_sight_) return;
    const OwnedRows query = owned(tile.query_list, tile.query, segment, {0, function_.seq_len}, own_);
    if (query.size() == 0) return;
    const PositionRange seen{visibility_.keys_of(query.position.front()).begin,
                             visibility_.keys_of(query.position.back()).end};
    const OwnedRows key = owned(tile.key_list, tile.key, segment, seen, theirs_);
    const std::vector<Band> found = bands(query, key, visibility_, band_rows(function_));
    if (found.empty()) return;
    const SlotList query_slots(query.slot), key_slots(key.slot);
    for (const Band& band : found)
      folder_.add({tile.pair, tile.heads, query_slots.rows(band.query), key_slots.rows(band.key), band.rule,
                   query_slots.slice(band.query), key_slots.slice(band.key), band.couples});
  }

  static OwnedRows owned(const RowList& list, const Rows& rows, std::int64_t segment, const PositionRange& range,
                         const Positions& positions) {
    return list != nullptr ? owned_rows(*list, range, positions) : owned_rows(rows.segment(segment), range, positions);
  }

  const AttentionFunction& function_;
  Visibility visibility_;
  bool is_same_;
  Positions own_;
  Positions theirs_;
  bool is_out_of_sight_;
  SegmentFolder folder_;
};

}  // namespace

std::vector<ShardTile> shard_tiles(const Pattern& pattern, const RowLayout& layout, int rank, int source) {
  ShardTiler tiler(pattern, layout, rank, source);
  for (const PatternTile& tile : pattern.tiles) tiler.add(tile);
  return tiler.take();
}

}  // namespace ringattn
