#pragma once

#include "config/axes.h"

#include <cstdint>
#include <vector>

namespace ringattn {

/// Heads [begin, end).
struct HeadRange {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end - begin; }
  bool contains(const HeadRange& other) const { return begin <= other.begin && other.end <= end; }
  bool operator==(const HeadRange&) const = default;
};

/// The heads that each of `groups` pairs owns. With q = ⌊H/G⌋ and m = H mod G: `first` gives the first m groups q+1
/// heads, `last` the last m, `rest` gives the last group q+m, `drop` leaves m heads to nobody, `all` gives every pair
/// every head.
std::vector<HeadRange> head_groups(HeadRule rule, std::int64_t heads, std::int64_t groups);

}  // namespace ringattn
