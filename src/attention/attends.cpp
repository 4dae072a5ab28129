#include "attention/attends.h"

#include "attention/oracle_block_rule.h"
#include "config/error.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <string>

namespace ringattn {
namespace oracle {
namespace {

/// tiles: rows [t·w, (t+1)·w) for t < u = ⌊n/w⌋; the rest, if any, is segment u under the tail rule.
std::optional<Segment> tile_of(const AttentionFunction& function, std::int64_t w, std::int64_t row) {
  const std::int64_t n = function.seq_len;
  const std::int64_t t = row / w;
  if (t < n / w) return Segment{t * w, w, t, false};
  if (function.axes.tail == TailRule::zero) return std::nullopt;
  return Segment{t * w, n - t * w, t, function.axes.tail == TailRule::dense};
}

/// spans: pair i owns rows [σ, σ + w_i) ∩ [0, n), σ = Σ_{j<i} w_j.
std::optional<Segment> span_of(const AttentionFunction& function, std::int64_t pair, std::int64_t w, std::int64_t row) {
  const std::int64_t n = function.seq_len;
  std::int64_t sigma = 0;
  for (std::int64_t j = 0; j < pair && sigma < n; ++j) {
    sigma += std::min(function.pairs[static_cast<std::size_t>(j)].segment_length, n);
  }
  if (row < sigma || row >= sigma + w) return std::nullopt;
  return Segment{sigma, std::min(w, n - sigma), 0, false};
}

std::int64_t offset_of(OffsetRule rule, std::int64_t r, std::int64_t pair, std::int64_t segment, std::int64_t head) {
  switch (rule) {
    case OffsetRule::pair:
      return pair % r;
    case OffsetRule::zero:
      return 0;
    case OffsetRule::segment:
      return (pair + segment) % r;
    case OffsetRule::tile:
      return segment % r;
    case OffsetRule::head:
      return head % r;
  }
  return 0;
}

/// Whether a pair's places matter at all: with rate 1 every class is everything.
bool uses_places(const PatternAxes& axes, std::int64_t r) {
  return r > 1 && (axes.queries == QueryRule::dilated || axes.keys != KeyRule::all);
}

/// Brings low and high to the first and the last block that is met; places are positions.
void keep_met_range(KeySet& keys) {
  const std::vector<bool>& meets = keys.blocks->meets;
  const auto first = std::find(meets.begin(), meets.end(), true) - meets.begin();
  const auto after_last = meets.rend() - std::find(meets.rbegin(), meets.rend(), true);
  keys.low = std::max<std::int64_t>(keys.low, first * keys.blocks->block_size);
  keys.high = std::min<std::int64_t>(keys.high, after_last * keys.blocks->block_size);
}

/// The row's place in a run of `length` rows that starts at `begin`.
std::int64_t place_in(const std::shared_ptr<const Curve>& curve, std::int64_t begin, std::int64_t row) {
  return curve ? curve->place[static_cast<std::size_t>(row - begin)] : row - begin;
}

}  // namespace

std::optional<Segment> segment_of(const AttentionFunction& function, std::int64_t pair, std::int64_t row) {
  const std::int64_t n = function.seq_len;
  const std::int64_t w = std::min(function.pairs[static_cast<std::size_t>(pair)].segment_length, n);
  switch (function.axes.placement) {
    case Placement::tiles:
      return tile_of(function, w, row);
    case Placement::spans:
      return span_of(function, pair, w, row);
    case Placement::first:
      return row < w ? std::optional(Segment{0, w, 0, false}) : std::nullopt;
    case Placement::whole:
      return Segment{0, n, 0, false};
  }
  return std::nullopt;
}

/// Groups are contiguous in order of pairs, ⌊H/G⌋ heads each; who gets the remainder is the rule.
HeadSpan heads_of_pair(const AttentionFunction& function, std::int64_t pair) {
  const std::int64_t groups = static_cast<std::int64_t>(function.pairs.size());
  const std::int64_t share = function.heads / groups;
  const std::int64_t remainder = function.heads % groups;
  switch (function.axes.heads) {
    case HeadRule::all:
      return {0, function.heads};
    case HeadRule::first:
      return {pair * share + std::min(pair, remainder), share + (pair < remainder ? 1 : 0)};
    case HeadRule::last: {
      const std::int64_t shorter = groups - remainder;  // the first `shorter` groups get no extra head
      return {pair * share + std::max<std::int64_t>(0, pair - shorter), share + (pair >= shorter ? 1 : 0)};
    }
    case HeadRule::rest:
      return {pair * share, pair == groups - 1 ? share + remainder : share};
    case HeadRule::drop:
      return {pair * share, share};
  }
  return {};
}

/// Causality: key <= query. Window: query - left <= key <= query + right. Documents: d_j <= key < d_{j+1} for the j
/// with d_j <= query < d_{j+1}.
Interval visible_positions(const AttentionFunction& function, std::int64_t query, bool causal) {
  const std::int64_t n = function.seq_len;
  Interval interval{0, n};
  if (causal) interval.high = query + 1;
  if (function.window.left >= 0) interval.low = std::max(interval.low, query - std::min(function.window.left, n));
  if (function.window.right >= 0)
    interval.high = std::min(interval.high, query + std::min(function.window.right, n) + 1);
  if (!function.documents.empty()) {
    const auto next = std::upper_bound(function.documents.begin(), function.documents.end(), query);
    interval.low = std::max(interval.low, *std::prev(next));
    interval.high = std::min(interval.high, *next);
  }
  return interval;
}

std::optional<QueryView> QueryView::resolve(const AttentionFunction& function, const Defects& defects,
                                            std::int64_t pair, std::int64_t head, std::int64_t query) {
  const HeadSpan owned = heads_of_pair(function, pair);
  if (head < owned.first || head >= owned.first + owned.count) return std::nullopt;
  const std::optional<Segment> segment = segment_of(function, pair, query);
  if (!segment) return std::nullopt;

  const PatternAxes& axes = function.axes;
  const bool slot_causal = function.is_causal && has<SlotCausal>(defects);
  const std::int64_t r = segment->dense ? 1 : function.pairs[static_cast<std::size_t>(pair)].dilation_rate;
  const std::int64_t offset = offset_of(axes.offset, r, pair, segment->number, head);
  const bool has_blocks = function.blocks.rule != BlockRule::none;
  const OrderRule order = slot_causal || has_blocks || uses_places(axes, r) ? axes.order : OrderRule::position;
  const bool by_sequence = axes.keys == KeyRule::sequence;
  const bool dilated_queries = axes.queries == QueryRule::dilated;
  // Where the segment's places say nothing its curve is not asked for: it need not exist.
  const bool uses_segment = has_blocks || !by_sequence || dilated_queries;
  const auto curve = uses_segment ? curve_of(order, segment->length, function.curve) : nullptr;
  const std::int64_t place = place_in(curve, segment->first, query);
  if (dilated_queries && place % r != offset) return std::nullopt;

  QueryView view;
  KeySet& keys = view.keys_;
  const std::int64_t begin = by_sequence ? 0 : segment->first;
  const std::int64_t length = by_sequence ? function.seq_len : segment->length;
  keys.begin = begin;
  keys.first = axes.keys == KeyRule::residue ? place % r : axes.keys == KeyRule::all ? 0 : offset;
  keys.step = axes.keys == KeyRule::all ? 1 : r;
  keys.past = length;
  if (slot_causal || has_blocks || keys.step > 1)
    keys.curve = by_sequence ? curve_of(order, length, function.curve) : curve;
  view.distinct_ = progression_count(keys.first, length, keys.step);
  view.repeated_ = has<CyclicMultiset>(defects);
  view.slots_ = view.repeated_ ? length : view.distinct_;
  if (slot_causal) {  // slots are places: query slot a sees key slots 0 … a
    const std::int64_t own_place = by_sequence ? place_in(keys.curve, begin, query) : place;
    const std::int64_t slot = dilated_queries ? place / r : own_place;
    view.slots_ = std::min(view.slots_, slot + 1);
    keys.past = std::min(length, keys.first + keys.step * std::min(view.distinct_, slot + 1));
  }
  const Interval visible = visible_positions(function, query, function.is_causal && !slot_causal);
  keys.low = std::max(begin, visible.low);
  keys.high = std::min(begin + length, visible.high);
  if (has_blocks) {
    keys.blocks = block_row(function, pair, head, segment->first + place);
    if (!keys.curve) keep_met_range(keys);
  }
  return view;
}

}  // namespace oracle

namespace {

void require_index(const char* field, std::int64_t value, std::int64_t end) {
  if (value >= 0 && value < end) return;
  throw UsageError(std::string(field) + ": " + std::to_string(value) + " is outside [0, " + std::to_string(end) + ")");
}

}  // namespace

std::int64_t key_weight(const AttentionFunction& function, const Defects& defects, std::int64_t pair, std::int64_t head,
                        std::int64_t query, std::int64_t key) {
  check_function(function);
  require_index("pair", pair, static_cast<std::int64_t>(function.pairs.size()));
  require_index("head", head, function.heads);
  require_index("query", query, function.seq_len);
  require_index("key", key, function.seq_len);
  const auto view = oracle::QueryView::resolve(function, defects, pair, head, query);
  return view ? view->weight(key) : 0;
}

bool attends(const AttentionFunction& function, std::int64_t pair, std::int64_t head, std::int64_t query,
             std::int64_t key) {
  return key_weight(function, {}, pair, head, query, key) > 0;
}

}  // namespace ringattn
