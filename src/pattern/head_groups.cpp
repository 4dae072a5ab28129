#include "pattern/head_groups.h"

namespace ringattn {

std::vector<HeadRange> head_groups(HeadRule rule, std::int64_t heads, std::int64_t groups) {
  if (rule == HeadRule::all) return std::vector<HeadRange>(static_cast<std::size_t>(groups), HeadRange{0, heads});
  const std::int64_t share = heads / groups;
  const std::int64_t remainder = heads % groups;
  std::vector<HeadRange> ranges;
  std::int64_t begin = 0;
  for (std::int64_t g = 0; g < groups; ++g) {
    std::int64_t size = share;
    if (rule == HeadRule::first && g < remainder) ++size;
    if (rule == HeadRule::last && g >= groups - remainder) ++size;
    if (rule == HeadRule::rest && g == groups - 1) size += remainder;
    ranges.push_back({begin, begin + size});
    begin += size;
  }
  return ranges;
}

}  // namespace ringattn
