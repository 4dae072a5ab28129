#pragma once

#include <cstdint>

namespace ringattn {

/// What one thread asked malloc and its relatives (operator new included) for.
struct MallocUse {
  std::int64_t largest_bytes = 0;
  std::int64_t total_bytes = 0;
  std::int64_t calls = 0;
};

/// Watches the C library's allocator on the thread that made it, from construction on; not nestable. Every test
/// executable that links malloc_watch.cpp has its malloc interposed; under a sanitizer, which does that itself,
/// `available()` is false and all counts stay 0.
class MallocWatch {
 public:
  MallocWatch();
  ~MallocWatch();
  MallocWatch(const MallocWatch&) = delete;
  MallocWatch& operator=(const MallocWatch&) = delete;

  MallocUse use() const;
  static bool available();
};

}  // namespace ringattn
