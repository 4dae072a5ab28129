#pragma once

#include "comm/communicator.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

namespace ringattn {

/// What carries rows where a memcpy by the receiving thread can't: between buffers on devices, whose work is queued and
/// done later. A mark is a point in such a queue. All calls return at once; nobody waits for a device here.
/// Thread-safe.
class RowMover {
 public:
  struct MarkedPoint {
    virtual ~MarkedPoint() = default;
  };
  using Mark = std::shared_ptr<MarkedPoint>;

  virtual ~RowMover() = default;
  /// The point that the calling thread's work has reached.
  virtual Mark mark() = 0;
  /// Queues the copy of rows (same_rows) on a queue of the calling thread that is for copies alone, after both points;
  /// returns the point at which it is done.
  virtual Mark move(std::span<const Block> from, std::span<const Block> to, const Mark& from_ready,
                    const Mark& to_ready) = 0;
  /// The same over a link that the copy keeps busy for `link_time`, after whatever it carried before: done no earlier
  /// than the link.
  virtual Mark move_over_link(std::span<const Block> from, std::span<const Block> to, const Mark& ready,
                              std::chrono::nanoseconds link_time) = 0;
  /// The calling thread's later work begins after that point. Null: at once.
  virtual void follow(const Mark& point) = 0;
  /// For how long work stood still in `follow` since this was last asked; waits for the work. 0 where nobody counts.
  virtual std::int64_t take_followed_ns() = 0;
};

}  // namespace ringattn
