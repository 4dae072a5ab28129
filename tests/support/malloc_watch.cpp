#include "tests/support/malloc_watch.h"

#include <cerrno>
#include <cstddef>
#include <cstdlib>

namespace ringattn {
namespace {

/// Plain data, so that access needs neither a constructor nor an allocation: malloc itself uses it.
thread_local bool watching = false;
thread_local MallocUse counted;

}  // namespace

MallocWatch::MallocWatch() {
  counted = {};
  watching = true;
}

MallocWatch::~MallocWatch() { watching = false; }

MallocUse MallocWatch::use() const { return counted; }

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || !defined(__GLIBC__)

bool MallocWatch::available() { return false; }

}  // namespace ringattn

#else

bool MallocWatch::available() { return true; }

namespace {

void note(std::size_t bytes) {
  if (!watching) return;
  const auto size = static_cast<std::int64_t>(bytes);
  counted.largest_bytes = size > counted.largest_bytes ? size : counted.largest_bytes;
  counted.total_bytes += size;
  ++counted.calls;
}

}  // namespace
}  // namespace ringattn

// A definition in the executable takes the place of glibc's in all libraries; glibc keeps its own under these names.
extern "C" {

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): glibc's names
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

void* malloc(std::size_t bytes) {
  ringattn::note(bytes);
  return __libc_malloc(bytes);
}

void* calloc(std::size_t count, std::size_t bytes) {
  ringattn::note(count * bytes);  // an overflowing product fails in calloc
  return __libc_calloc(count, bytes);
}

void* realloc(void* old, std::size_t bytes) {
  ringattn::note(bytes);
  return __libc_realloc(old, bytes);
}

void* memalign(std::size_t alignment, std::size_t bytes) {
  ringattn::note(bytes);
  return __libc_memalign(alignment, bytes);
}

void* aligned_alloc(std::size_t alignment, std::size_t bytes) { return memalign(alignment, bytes); }

int posix_memalign(void** out, std::size_t alignment, std::size_t bytes) {
  const bool power_of_two = alignment != 0 && (alignment & (alignment - 1)) == 0;
  if (!power_of_two || alignment % sizeof(void*) != 0) return EINVAL;
  void* memory = memalign(alignment, bytes);
  if (memory == nullptr) return ENOMEM;
  *out = memory;
  return 0;
}

}  // extern "C"

#endif
