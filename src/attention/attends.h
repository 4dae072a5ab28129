#pragma once

#include "attention/defect.h"
#include "attention/oracle_keys.h"
#include "config/axes.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace ringattn {

/// The definition of every pattern: does `query` attend `key` through pair `pair` on head `head`? Positions are global,
/// all from 0. True iff the pair owns the head and the query's row, the key is in the key set that the axes give that
/// row, and causality, window and documents leave it there; within one pair the keys are a set. The mask's numbers are
/// not known here. The engine shares no code with it. O(pairs + documents). UsageError: the function is malformed (see
/// check_function) or an index is outside it.
bool attends(const AttentionFunction& function, std::int64_t pair, std::int64_t head, std::int64_t query,
             std::int64_t key);

/// How often the key counts in that softmax: 1 or 0 without defects; a defect may hide keys, show others, or repeat
/// them.
std::int64_t key_weight(const AttentionFunction& function, const Defects& defects, std::int64_t pair, std::int64_t head,
                        std::int64_t query, std::int64_t key);

/// Throws UsageError naming the field, the value and what would be right if a number is out of range or the axes
/// contradict each other (oracle_check.cpp lists the combinations that have no meaning). O(pairs + documents), and what
/// it takes to write down a curve that was not asked for lately.
void check_function(const AttentionFunction& function);

/// Parts of the definition that the oracle evaluates row by row; nothing outside the oracle and its tests needs them.
namespace oracle {

/// Heads [first, first + count) that pair `pair` owns.
struct HeadSpan {
  std::int64_t first = 0;
  std::int64_t count = 0;
};
HeadSpan heads_of_pair(const AttentionFunction& function, std::int64_t pair);

/// The segment of one row for one pair: rows [first, first + length), its number t, and the rate and offset that hold
/// inside it.
struct Segment {
  std::int64_t first = 0;
  std::int64_t length = 0;
  std::int64_t number = 0;
  bool dense = false;  ///< a dense tail: r = 1
};
/// None where the pair has no segment there.
std::optional<Segment> segment_of(const AttentionFunction& function, std::int64_t pair, std::int64_t row);

/// Positions [low, high) that causality, window and documents leave to one query.
struct Interval {
  std::int64_t low = 0;
  std::int64_t high = 0;
};
Interval visible_positions(const AttentionFunction& function, std::int64_t query, bool causal);

/// What one query row sees through one pair, with everything that does not depend on the key worked out.
class QueryView {
 public:
  /// Empty where the pair does not own the head, the row lies outside the pair's segments, or the row is no query of
  /// its segment.
  static std::optional<QueryView> resolve(const AttentionFunction& function, const Defects& defects, std::int64_t pair,
                                          std::int64_t head, std::int64_t query);

  /// The keys of weight > 0.
  const KeySet& keys() const { return keys_; }
  std::int64_t weight(std::int64_t key) const { return keys_.contains(key) ? weight_of_key(key) : 0; }

  /// Calls visit(key, weight) for the keys in [from, to), ascending.
  template <typename Visit>
  void for_each_key(std::int64_t from, std::int64_t to, const Visit& visit) const {
    keys_.for_each(from, to, [&](std::int64_t key) { visit(key, weight_of_key(key)); });
  }

 private:
  /// The number of key slots b < slots_, b = t (mod m), t being the key's own slot: a key is repeated cyclically.
  std::int64_t weight_of_key(std::int64_t key) const {
    if (!repeated_) return 1;
    return progression_count((keys_.place_of(key) - keys_.first) / keys_.step, slots_, distinct_);
  }

  KeySet keys_;
  bool repeated_ = false;      ///< the defect CyclicMultiset
  std::int64_t distinct_ = 0;  ///< number of keys before causality, window and documents: m
  std::int64_t slots_ = 0;     ///< key slots that the row sees
};

}  // namespace oracle
}  // namespace ringattn
