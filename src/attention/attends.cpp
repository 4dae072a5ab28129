#include "attention/attends.h"

#include "config/error.h"

#include <algorithm>
#include <string>

namespace ringattn {
namespace oracle {
namespace {

/// The segment of one row for one pair: rows [first, first + length), its number t, and the rate and offset that hold
/// inside it.
struct Segment {
  std::int64_t first = 0;
  std::int64_t length = 0;
  std::int64_t number = 0;
  bool dense = false;  ///< a dense tail: r = 1
};

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

/// Number of values first, first + step, … below end.
std::int64_t progression_count(std::int64_t first, std::int64_t end, std::int64_t step) {
  return first < end ? (end - first + step - 1) / step : 0;
}

}  // namespace

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

std::optional<QueryView> QueryView::resolve(const AttentionFunction& function, const Defects& defects,
                                            std::int64_t pair, std::int64_t head, std::int64_t query) {
  const HeadSpan owned = heads_of_pair(function, pair);
  if (head < owned.first || head >= owned.first + owned.count) return std::nullopt;
  const std::optional<Segment> segment = segment_of(function, pair, query);
  if (!segment) return std::nullopt;

  const PatternAxes& axes = function.axes;
  const std::int64_t r = segment->dense ? 1 : function.pairs[static_cast<std::size_t>(pair)].dilation_rate;
  const std::int64_t offset = offset_of(axes.offset, r, pair, segment->number, head);
  const std::int64_t place = query - segment->first;
  if (axes.queries == QueryRule::dilated && place % r != offset) return std::nullopt;

  QueryView view;
  view.query_ = query;
  view.query_slot_ = axes.queries == QueryRule::dilated ? place / r : place;
  view.begin_ = segment->first;
  view.end_ = segment->first + segment->length;
  view.first_ = view.begin_ + offset;
  view.step_ = r;
  if (axes.keys == KeyRule::residue) view.first_ = view.begin_ + place % r;
  if (axes.keys == KeyRule::all) view.first_ = view.begin_, view.step_ = 1;
  if (axes.keys == KeyRule::sequence) {  // the class of positions, not of places in the segment
    view.begin_ = 0, view.end_ = function.seq_len, view.first_ = offset;
    if (axes.queries == QueryRule::all) view.query_slot_ = query;
  }
  view.distinct_ = progression_count(view.first_, view.end_, view.step_);
  view.slots_ = has<CyclicMultiset>(defects) ? view.end_ - view.begin_ : view.distinct_;
  if (function.is_causal) view.causal_ = has<SlotCausal>(defects) ? Causal::slot : Causal::position;
  return view;
}

/// The number of slots b < slots, b ≡ t (mod m), that the causal rule shows; t is the key's own slot.
std::int64_t QueryView::weight(std::int64_t key) const {
  if (key < first_ || key >= end_ || (key - first_) % step_ != 0) return 0;
  if (causal_ == Causal::position && key > query_) return 0;
  const std::int64_t slot = (key - first_) / step_;
  const std::int64_t visible = causal_ == Causal::slot ? std::min(slots_, query_slot_ + 1) : slots_;
  return progression_count(slot, visible, distinct_);
}

KeyProgression QueryView::keys() const {
  std::int64_t count = distinct_;
  if (causal_ == Causal::position) count = progression_count(first_, std::min(end_, query_ + 1), step_);
  if (causal_ == Causal::slot) count = std::min(count, query_slot_ + 1);
  // One form for one set: an empty one starts at 0, and a single key has step 1.
  return {count == 0 ? 0 : first_, count, count <= 1 ? 1 : step_};
}

}  // namespace oracle

namespace {

void require_index(const char* field, std::int64_t value, std::int64_t end) {
  if (value >= 0 && value < end) return;
  throw UsageError(std::string(field) + ": " + std::to_string(value) + " is outside [0, " + std::to_string(end) + ")");
}

void require_positive(const std::string& field, std::int64_t value) {
  if (value < 1) throw UsageError(field + ": " + std::to_string(value) + " must be at least 1");
}

}  // namespace

void check_function(const AttentionFunction& function) {
  require_positive("seq_len", function.seq_len);
  require_positive("heads", function.heads);
  if (function.pairs.empty()) throw UsageError("pairs: the list is empty; a pattern has at least one (w, r) pair");
  for (std::size_t i = 0; i < function.pairs.size(); ++i) {
    require_positive("pairs/" + std::to_string(i) + "/segment_length", function.pairs[i].segment_length);
    require_positive("pairs/" + std::to_string(i) + "/dilation_rate", function.pairs[i].dilation_rate);
  }
  const PatternAxes& axes = function.axes;
  const bool several = axes.heads == HeadRule::all && axes.placement != Placement::spans && function.pairs.size() > 1;
  if (several && (axes.join == JoinRule::single || axes.join == JoinRule::groups)) {
    throw UsageError("axes/join: single and groups want at most one pair on a row, but heads 'all' puts " +
                     std::to_string(function.pairs.size()) + " there; use mean or softmax");
  }
  if (axes.order != OrderRule::position) throw Unavailable("axes/order: the oracle knows 'position' only");
}

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
