#include "tests/support/malloc_watch.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <cerrno>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

namespace ringattn {
namespace {

/// Keeps the compiler from leaving out an allocation that nobody uses.
void touch(void* memory) { asm volatile("" : : "g"(memory) : "memory"); }

TEST_CASE("the watch sees malloc, operator new, aligned allocations and LibTorch's, with their sizes") {
  if (!MallocWatch::available()) return;
  const auto largest = [](auto&& allocate) {
    const MallocWatch watch;
    allocate();
    CHECK(watch.use().calls >= 1);
    return watch.use().largest_bytes;
  };
  CHECK(largest([] {
          void* memory = std::malloc(12345);
          touch(memory);
          std::free(memory);
        }) == 12345);
  CHECK(largest([] {
          void* memory = std::calloc(100, 77);
          touch(memory);
          std::free(memory);
        }) == 7700);
  CHECK(largest([] {
          void* memory = std::realloc(nullptr, 5432);
          touch(memory);
          std::free(memory);
        }) == 5432);
  CHECK(largest([] {
          void* memory = std::aligned_alloc(64, 6400);
          touch(memory);
          std::free(memory);
        }) == 6400);
  CHECK(largest([] { touch(std::make_unique<char[]>(23456).get()); }) == 23456);
  CHECK(largest([] { touch(std::vector<double>(1000).data()); }) == 8000);
  CHECK(largest([] { touch(at::empty({100'000}, at::kByte).data_ptr()); }) >= 100'000);
}

TEST_CASE("the watch counts its own thread alone, and only while it lives") {
  if (!MallocWatch::available()) return;
  const auto allocate = [](std::size_t bytes) {
    void* memory = std::malloc(bytes);
    touch(memory);
    std::free(memory);
  };
  std::thread other;
  {
    const MallocWatch watch;
    allocate(1000);
    allocate(500);
    const MallocUse use = watch.use();
    CHECK(use.total_bytes == 1500);
    CHECK(use.calls == 2);
    other = std::thread([&] { allocate(1 << 20); });
    other.join();
    CHECK(watch.use().largest_bytes < 1 << 20);
  }
  allocate(1 << 20);
  const MallocWatch watch;
  CHECK(watch.use().calls == 0);
}

TEST_CASE("posix_memalign keeps its contract") {
  if (!MallocWatch::available()) return;
  void* memory = nullptr;
  CHECK(posix_memalign(&memory, 3, 64) == EINVAL);
  REQUIRE(posix_memalign(&memory, 256, 64) == 0);
  CHECK(reinterpret_cast<std::uintptr_t>(memory) % 256 == 0);
  std::free(memory);
}

}  // namespace
}  // namespace ringattn
