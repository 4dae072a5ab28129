#pragma once

#include "attention/defect.h"
#include "config/axes.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace ringattn {

/// The definition of every pattern: does `query` attend `key` through pair `pair` on head `head`? Positions are global,
/// all from 0. True iff the pair owns the head and the query's row, and the key is in the key set that the axes give
/// that row; within one pair the keys are a set. The engine shares no code with it. O(pairs). UsageError: the function
/// is malformed (see check_function) or an index is outside it. Unavailable: curve orders.
bool attends(const AttentionFunction& function, std::int64_t pair, std::int64_t head, std::int64_t query,
             std::int64_t key);

/// How often the key counts in that softmax: 1 or 0 without defects; a defect may hide keys, show others, or repeat
/// them.
std::int64_t key_weight(const AttentionFunction& function, const Defects& defects, std::int64_t pair, std::int64_t head,
                        std::int64_t query, std::int64_t key);

/// Throws UsageError naming the field if the axes contradict each other or a number is out of range; Unavailable for an
/// order by curve.
void check_function(const AttentionFunction& function);

/// Parts of the definition that the oracle evaluates row by row; nothing outside the oracle and its tests needs them.
namespace oracle {

/// Keys first, first + step, … (count of them).
struct KeyProgression {
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::int64_t step = 1;
  bool operator==(const KeyProgression&) const = default;
  std::int64_t end() const { return count == 0 ? first : first + (count - 1) * step + 1; }
};

/// Heads [first, first + count) that pair `pair` owns.
struct HeadSpan {
  std::int64_t first = 0;
  std::int64_t count = 0;
};
HeadSpan heads_of_pair(const AttentionFunction& function, std::int64_t pair);

/// What one query row sees through one pair, with everything that does not depend on the key worked out.
class QueryView {
 public:
  /// Empty where the pair does not own the head, the row lies outside the pair's segments, or the row is no query of
  /// its segment.
  static std::optional<QueryView> resolve(const AttentionFunction& function, const Defects& defects, std::int64_t pair,
                                          std::int64_t head, std::int64_t query);

  std::int64_t weight(std::int64_t key) const;
  /// The keys of weight > 0.
  KeyProgression keys() const;

 private:
  enum class Causal { none, position, slot };

  std::int64_t begin_ = 0, end_ = 0;  ///< rows that can be keys, before causality
  std::int64_t first_ = 0;            ///< first key of the residue class in [begin_, end_): key slot 0
  std::int64_t step_ = 1;             ///< distance of neighbouring keys
  std::int64_t distinct_ = 0;         ///< number of keys before causality: m
  std::int64_t query_ = 0;
  std::int64_t query_slot_ = 0;  ///< the query's place among the queries of its segment
  std::int64_t slots_ = 0;       ///< key slots when keys are repeated cyclically: l; else m
  Causal causal_ = Causal::none;
};

}  // namespace oracle
}  // namespace ringattn
