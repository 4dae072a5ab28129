#include "measure/memory_meter.h"

#include "comm/world.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <optional>
#include <thread>

namespace ringattn {
namespace {

constexpr std::int64_t kib = 1024;

at::Tensor kilobytes(std::int64_t count) { return at::empty({count * kib}, at::kByte); }

TEST_CASE("a program of known tensors gives the exact number") {
  const MemoryMeter meter;
  at::Tensor a = kilobytes(3);
  at::Tensor b = kilobytes(5);
  a.reset();
  at::Tensor c = kilobytes(4);
  b.reset();
  const MemoryUse use = meter.use();
  CHECK(use.live_bytes == 4 * kib);
  CHECK(use.peak_bytes == 9 * kib);
  CHECK(use.largest_bytes == 5 * kib);
  CHECK(use.allocations == 3);
}

TEST_CASE("operators are metered: a sum of two tensors allocates its result and nothing else") {
  const at::Tensor a = at::ones({256}), b = at::ones({256});
  const MemoryMeter meter;
  const at::Tensor sum = a + b;
  CHECK(meter.use().allocations == 1);
  CHECK(meter.use().peak_bytes == 1 * kib);
}

TEST_CASE("memory from before the start can be freed without an effect on the account") {
  at::Tensor before = kilobytes(8);
  std::optional<at::Tensor> inner_tensor;
  {
    const MemoryMeter earlier;
    inner_tensor = kilobytes(16);
  }
  const MemoryMeter meter;
  before.reset();
  inner_tensor.reset();
  CHECK(meter.use().live_bytes == 0);
  const at::Tensor after = kilobytes(2);
  CHECK(meter.use().peak_bytes == 2 * kib);
}

TEST_CASE("views, empty tensors and what a meter saw of another thread cost nothing") {
  const at::Tensor base = kilobytes(4);
  const MemoryMeter meter;
  const at::Tensor view = base.view({4, kib}).slice(0, 1, 3);
  const at::Tensor none = at::empty({0, 8});
  std::thread([] { kilobytes(64); }).join();
  CHECK(meter.use().allocations == 0);
  CHECK(meter.use().peak_bytes == 0);
}

TEST_CASE("memory freed by another thread stays on the account until its address comes back") {
  const MemoryMeter meter;
  at::Tensor moved = kilobytes(64);
  std::thread([tensor = std::move(moved)]() mutable { tensor.reset(); }).join();
  CHECK(meter.use().live_bytes == 64 * kib);
}

TEST_CASE("a nested meter takes over, and the outer one goes on when it ends") {
  const MemoryMeter outer;
  at::Tensor a = kilobytes(1), b;
  {
    const MemoryMeter inner;
    b = kilobytes(2);
    CHECK(inner.use().peak_bytes == 2 * kib);
  }
  const at::Tensor c = kilobytes(4);
  CHECK(outer.use().peak_bytes == 5 * kib);
  b.reset();
  CHECK(outer.use().live_bytes == 5 * kib);
}

TEST_CASE("each rank thread has its own account") {
  World world(4);
  world.run([](Communicator& c) {
    const MemoryMeter meter;
    const at::Tensor mine = kilobytes(c.rank() + 1);
    c.barrier();
    CHECK(meter.use().peak_bytes == (c.rank() + 1) * kib);
    CHECK(meter.use().allocations == 1);
  });
}

TEST_CASE(
    "the library's attention kernel is metered the same with one intra-op thread and its per-thread buffers with two") {
  const at::Tensor q = at::ones({1, 2, 512, 64});
  const auto measure = [&](int threads) {
    MemoryUse use;
    std::thread([&] {
      at::set_num_threads(threads);
      at::_scaled_dot_product_flash_attention_for_cpu(q, q, q);  // one-time set-up of the library
      const MemoryMeter meter;
      const auto result = at::_scaled_dot_product_flash_attention_for_cpu(q, q, q);
      use = meter.use();
    }).join();
    return use;
  };
  const int before = at::get_num_threads();
  const MemoryUse one = measure(1), two = measure(2);
  at::set_num_threads(before);
  const std::int64_t results = 2 * 512 * 64 * 4 + 2 * 512 * 4;  // out and lse
  CHECK(one.live_bytes == results);
  CHECK(two.live_bytes == results);
  CHECK(one.allocations == two.allocations);
  CHECK(two.peak_bytes - results == 2 * (one.peak_bytes - results));
}

}  // namespace
}  // namespace ringattn
