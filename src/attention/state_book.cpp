#include "attention/state_book.h"

#include <algorithm>

namespace ringattn {
namespace {

RowRange hull_of(const PlanTile& tile) {
  if (!tile.query_index.empty()) {
    const std::int64_t* rows = tile.query_index.data();
    return {rows[0], rows[tile.query_index.size() - 1] + 1};
  }
  return {tile.query.first, tile.query.first + (tile.query.segments - 1) * tile.query.segment_stride +
                                tile.query.last_of_segment() - tile.query.first + 1};
}

bool meet(const RowRange& a, const RowRange& b) { return a.begin < b.end && b.begin < a.end; }

/// Joins neighbours that go the same way, so that one pass takes them.
void add(std::vector<StateBook::Move>& moves, const StateBook::Move& move) {
  if (!moves.empty()) {
    StateBook::Move& last = moves.back();
    if (last.rows.end == move.rows.begin && last.from == move.from && last.to == move.to &&
        last.is_alone == move.is_alone) {
      last.rows.end = move.rows.end;
      return;
    }
  }
  moves.push_back(move);
}

}  // namespace

StateBook::StateBook(const Plan& plan)
    : rows_(plan.rows), heads_(plan.pattern.function.heads), spans_{{{0, plan.rows}, Place::none}} {
  for (const Step& step : plan.steps)
    for (const PlanTile& tile : step.tiles) hulls_.push_back(hull_of(tile));
}

StateBook::Merge StateBook::merge(std::size_t tile, HeadRange heads, const Rows& rows, bool is_list) {
  Merge merge;
  const bool is_stretch = !is_list && rows.segments == 1 && (rows.step == 1 || rows.count == 1);
  if (!is_stretch || heads != HeadRange{0, heads_}) {
    merge.is_plain = false;
    for (const Span& span : spans_) {
      if (span.place == Place::first) add(merge.moves, {span.rows, Place::first, Place::state, true});
    }
    for (Span& span : spans_) {
      if (span.place != Place::result) span.place = Place::state;
    }
    has_state_ = true;
    return merge;
  }
  const RowRange range{rows.first, rows.first + rows.count};
  const bool is_fresh = spans_.size() == 1 && spans_.front().place == Place::none;
  if (is_fresh && range == RowRange{0, rows_} && !is_last(tile, range)) {
    spans_.front().place = Place::first;
    merge.moves = {{range, Place::none, Place::first, true}};
    return merge;
  }
  cut(range.begin);
  cut(range.end);
  for (std::size_t later = tile + 1; later < hulls_.size(); ++later) {
    if (!meet(hulls_[later], range)) continue;
    cut(std::max(range.begin, hulls_[later].begin));
    cut(std::min(range.end, hulls_[later].end));
  }
  for (Span& span : spans_) {
    if (!meet(span.rows, range)) continue;
    const Place to = is_last(tile, span.rows) ? Place::result : Place::state;
    add(merge.moves, {span.rows, span.place, to, false});
    span.place = to;
  }
  note(merge.moves);
  return merge;
}

std::vector<StateBook::Move> StateBook::finish() {
  std::vector<Move> moves;
  for (Span& span : spans_) {
    if (span.place == Place::result) continue;
    add(moves, {span.rows, span.place, Place::result, true});
    span.place = Place::result;
  }
  note(moves);
  return moves;
}

bool StateBook::holds(Place place) const {
  return std::any_of(spans_.begin(), spans_.end(), [&](const Span& span) { return span.place == place; });
}

void StateBook::cut(std::int64_t row) {
  for (std::size_t i = 0; i < spans_.size(); ++i) {
    const Span whole = spans_[i];
    if (row <= whole.rows.begin || row >= whole.rows.end) continue;
    spans_[i].rows.end = row;
    spans_.insert(spans_.begin() + static_cast<std::ptrdiff_t>(i) + 1, Span{{row, whole.rows.end}, whole.place});
    return;
  }
}

bool StateBook::is_last(std::size_t tile, const RowRange& rows) const {
  return std::none_of(hulls_.begin() + static_cast<std::ptrdiff_t>(tile) + 1, hulls_.end(),
                      [&](const RowRange& hull) { return meet(hull, rows); });
}

void StateBook::note(const std::vector<Move>& moves) {
  for (const Move& move : moves) {
    has_state_ = has_state_ || move.to == Place::state;
    has_result_ = has_result_ || move.to == Place::result;
  }
}

}  // namespace ringattn
