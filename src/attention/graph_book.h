#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace ringattn {

/// Which calls are worth recording as CUDA graphs. Graphs hold addresses, so they serve calls whose tensors lie where
/// they lay: a call is recorded when it comes the second time. As graphs keep memory, those of few calls are kept; new
/// ones take the place of others only once those have not served for a while, so that calls in turn don't push each
/// other out.
/// Bookkeeping alone, without tensors.
class GraphBook {
 public:
  static constexpr std::size_t kKept = 4;       ///< recordings
  static constexpr std::int64_t kIdle = 64;     ///< calls after which a recording that none of them used may go
  static constexpr std::size_t kSeenMax = 256;  ///< calls that are remembered

  /// All that a recording of a call depends on: addresses, shapes, strides, types.
  using Place = std::vector<std::int64_t>;

  enum class Way { run, record, launch };
  struct Answer {
    Way way = Way::run;
    std::size_t slot = 0;  ///< where the recording lies or is to go, what was there before being let go
    bool operator==(const Answer&) const = default;
  };
  Answer next(const Place& place);
  /// Nothing came of the recording that `next` asked for.
  void forget(std::size_t slot);

 private:
  struct Seen {
    Place place;
    std::int64_t last_call = 0;
    std::optional<std::size_t> slot;
  };
  Seen* holder(std::size_t slot);
  std::optional<std::size_t> free_slot();
  void add(const Place& place);

  std::vector<Seen> seen_;
  std::int64_t calls_ = 0;
};

}  // namespace ringattn
