#pragma once

#include "config/axes.h"

#include <cstdint>
#include <optional>
#include <string>

namespace ringattn {

/// Where two functions first differ, heads outermost, then queries, then keys.
struct IndexDifference {
  enum class Kind {
    shape,          ///< lengths or numbers of query heads
    kv_heads,       ///< numbers of key and value heads
    softmax_scale,  ///< what the scores are multiplied by; 0 stands for 1/√head_dim
    mask,           ///< shape or kind of the attention mask
    dropout,        ///< probability
    key,            ///< a key counts differently
    scale           ///< what the result of a row is multiplied by
  };
  Kind kind = Kind::key;
  std::int64_t head = 0;
  std::int64_t query = 0;
  std::int64_t key = 0;     ///< the smallest key that counts differently (kind key)
  double first_weight = 0;  ///< key: how often it counts in the first function; else: the first function's number
  double second_weight = 0;
};

/// "head 0, query 1: key 2 is attended by the second alone"
std::string to_string(const IndexDifference& difference);

/// The first (head, query) whose keys, with multiplicity over pairs, or whose result scale differ; nullopt when the two
/// functions give the same result for every input. Before that, what holds for all rows: key heads, softmax scale
/// (head_dim is not known here: none and 1/√head_dim written out count as different), mask shape, dropout probability
/// (not its seed). Causality, window, documents and curves count by the keys that they leave. Rows without keys are
/// equal whatever their scale. Stops at the first difference. Join mean is compared pair by pair where it has several,
/// so two means that happen to be equal in other ways count as different. Cost O(head classes · n) rows, each O(pairs)
/// while one pair without a curve serves a row; a row served by several pairs or along a curve costs its keys.
std::optional<IndexDifference> first_index_difference(const AttentionFunction& first, const AttentionFunction& second);

/// Whether both functions attend exactly the same keys with the same scaling, mask and dropout everywhere: `match`,
/// against `different_function`.
bool same_index_sets(const AttentionFunction& first, const AttentionFunction& second);

/// Share of the heads · n result rows that see at least one key, in [0, 1]; the others are zero. Axes, causality,
/// window and documents count; what a mask hides is data and does not. O(head classes · n), times the keys along a
/// curve.
double covered_share(const AttentionFunction& function);

}  // namespace ringattn
