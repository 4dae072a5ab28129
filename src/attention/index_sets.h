#pragma once

#include "config/axes.h"

#include <cstdint>
#include <optional>
#include <string>

namespace ringattn {

/// Where two functions first differ, heads outermost, then queries, then keys.
struct IndexDifference {
  enum class Kind { shape, key, scale };
  Kind kind = Kind::key;
  std::int64_t head = 0;
  std::int64_t query = 0;
  std::int64_t key = 0;  ///< the smallest key that counts differently (kind key)
  double first_weight =
      0;  ///< how often the key counts in the first function, or by what its result is multiplied (kind scale)
  double second_weight = 0;
};

/// "head 0, query 1: key 2 is attended by the second alone"
std::string to_string(const IndexDifference& difference);

/// The first (head, query) whose keys, with multiplicity over pairs, or whose result scale differ; nullopt when the two
/// functions give the same result for every input. Rows without keys are equal whatever their scale. Stops at the first
/// difference. Join mean is compared pair by pair where it has several, so two means that happen to be equal in other
/// ways count as different. Cost O(head classes · n) rows, each O(pairs) while one pair serves a row; a row served by
/// several pairs costs its keys.
std::optional<IndexDifference> first_index_difference(const AttentionFunction& first, const AttentionFunction& second);

/// Whether both functions attend exactly the same keys with the same scaling everywhere: `match`, against
/// `different_function`.
bool same_index_sets(const AttentionFunction& first, const AttentionFunction& second);

/// Share of the heads · n result rows that see at least one key, in [0, 1]; the others are zero. O(head classes · n).
double covered_share(const AttentionFunction& function);

}  // namespace ringattn
