#pragma once

#include <cstdint>
#include <vector>

namespace ringattn {

/// The order in which `contenders` things are run in pair (round) number `pair`: 0, 1, …, c-1 in even pairs, reversed
/// in odd ones. With two this is ABBA ABBA …: a linear drift of the machine adds the same to both, and neither always
/// runs on the other's warm caches.
inline std::vector<int> pair_order(int contenders, std::int64_t pair) {
  std::vector<int> order;
  for (int i = 0; i < contenders; ++i) order.push_back(pair % 2 == 0 ? i : contenders - 1 - i);
  return order;
}

}  // namespace ringattn
