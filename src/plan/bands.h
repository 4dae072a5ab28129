#pragma once

#include "pattern/visibility.h"
#include "plan/causal.h"
#include "plan/owned_rows.h"

#include <cstdint>
#include <vector>

namespace ringattn {

/// Numbers [begin, end) of rows in a list.
struct Stretch {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end > begin ? end - begin : 0; }
  bool operator==(const Stretch&) const = default;
};

/// A stretch of the queries that meets a stretch of the keys under one rule.
struct Band {
  Stretch query;
  Stretch key;
  MaskRule rule = MaskRule::full;
  std::int64_t couples = 0;  ///< (query, key) that attend
  bool operator==(const Band&) const = default;
};

/// Splits queries and keys whose meeting goes by position into bands of at most `rows` queries. As the intervals that
/// queries see move monotonely, the keys that all queries of a stretch see form one range (a full band), and those that
/// some see lie before and after it (a band with rule `positions`). Every key of a band is seen by one of its queries.
/// Where nothing moves (documents alone), a stretch ends with the document, not after `rows`.
std::vector<Band> bands(const OwnedRows& query, const OwnedRows& key, const Visibility& visibility, std::int64_t rows);

/// Rows of a band for this window: short where the window is, so that little is computed in vain, and long enough for a
/// kernel's blocks.
std::int64_t band_rows(const AttentionFunction& function);

}  // namespace ringattn
