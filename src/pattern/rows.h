#pragma once

#include <cstdint>
#include <memory>
#include <vector>

namespace ringattn {

/// A two-level arithmetic progression of row numbers: segment s = 0 … segments-1 holds the `count` rows
///   first + s·segment_stride + i·step,   i = 0 … count-1.
/// Every dilated family is of this form, so its tiles are strided views and need no gather.
struct Rows {
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::int64_t step = 1;
  std::int64_t segments = 1;
  std::int64_t segment_stride = 0;

  std::int64_t size() const { return segments * count; }
  std::int64_t last_of_segment() const { return first + (count - 1) * step; }
  /// Segment s alone, as a one-level progression.
  Rows segment(std::int64_t s) const { return {.first = first + s * segment_stride, .count = count, .step = step}; }
  bool operator==(const Rows&) const = default;
};

std::vector<std::int64_t> expand(const Rows& rows);

/// Ascending row numbers that are no progression, shared by whatever refers to them; null where Rows say it all.
using RowList = std::shared_ptr<const std::vector<std::int64_t>>;

/// Rows [begin, end) of a list.
struct RowSlice {
  RowList list{};
  std::int64_t begin = 0;
  std::int64_t end = 0;

  std::int64_t size() const { return end - begin; }
  bool empty() const { return begin == end; }
  const std::int64_t* data() const { return list->data() + begin; }
  bool operator==(const RowSlice& other) const;
};

/// How many of the first segment's rows lie below `position`:  ⌈(position - first) / step⌉, from 0 to count.
std::int64_t count_before(const Rows& rows, std::int64_t position);

/// The rows of the first segment in [begin, end).
Rows clip(const Rows& rows, std::int64_t begin, std::int64_t end);

/// Cuts ascending row numbers into as few one-level progressions as a greedy walk finds.
std::vector<Rows> to_progressions(const std::vector<std::int64_t>& ascending);

/// Joins one-level progressions that continue each other (same step, next row = last + step). A single row takes any
/// step.
std::vector<Rows> join_adjacent(const std::vector<Rows>& progressions);

/// The rows of {first, first+step, …} that are ≡ residue (mod rate) counted from `origin`, below `end`: empty count
/// when there are none.
///   first = origin + residue, step = rate.
Rows residue_class(std::int64_t origin, std::int64_t end, std::int64_t residue, std::int64_t rate);

}  // namespace ringattn
