#include "pattern/causal_count.h"

#include <algorithm>

namespace ringattn {

std::int64_t causal_pairs(const Rows& query, const Rows& key) {
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < query.count; ++i) {
    const std::int64_t distance = query.first + i * query.step - key.first;
    if (distance >= 0) total += std::min(key.count, distance / key.step + 1);
  }
  return total;
}

}  // namespace ringattn
