#include "measure/exchange_probe.h"

#include "measure/clock.h"

#include <algorithm>
#include <array>
#include <cstddef>

namespace ringattn {
namespace {

constexpr std::int64_t kRowBytes = 64;
constexpr int kPings = 16;  ///< a sample, so that the clock's own cost vanishes

using Buffer = std::vector<std::byte>;

Block block_of(Buffer& buffer) {
  const auto bytes = static_cast<std::int64_t>(buffer.size());
  return {.data = buffer.data(), .rows = bytes / kRowBytes, .row_stride_bytes = kRowBytes, .row_bytes = kRowBytes};
}

Exchange sending(int peer, Buffer& buffer) { return {.hop = 0, .sends = {{peer, {block_of(buffer)}}}, .receives = {}}; }

Exchange receiving(int peer, Buffer& buffer) {
  return {.hop = 0, .sends = {}, .receives = {{peer, {block_of(buffer)}}}};
}

void swap_once(Communicator& c, Buffer& own, Buffer& other) {
  const int peer = 1 - c.rank();
  Exchange both = sending(peer, own);
  both.receives = {{peer, {block_of(other)}}};
  const Ticket ticket = c.post(std::move(both));
  c.wait_received(ticket);
  c.wait_sent(ticket);
}

void send(Communicator& c, Buffer& buffer) { c.wait_sent(c.post(sending(1 - c.rank(), buffer))); }
void receive(Communicator& c, Buffer& buffer) { c.wait_received(c.post(receiving(1 - c.rank(), buffer))); }

/// Runs `body` on both ranks from a common start; the time until the later one is done.
template <typename Body>
std::int64_t common_time(World& world, Body body) {
  std::array<std::int64_t, 2> start_ns{}, end_ns{};
  world.run([&](Communicator& c) {
    const auto rank = static_cast<std::size_t>(c.rank());
    c.barrier();
    start_ns[rank] = now_ns();
    body(c);
    end_ns[rank] = now_ns();
    c.barrier();
  });
  return std::max(end_ns[0], end_ns[1]) - std::min(start_ns[0], start_ns[1]);
}

std::array<Buffer, 2> buffers_of(std::int64_t bytes) {
  const auto size = static_cast<std::size_t>(std::max(kRowBytes, bytes / kRowBytes * kRowBytes));
  return {Buffer(size, std::byte{1}), Buffer(size, std::byte{2})};
}

}  // namespace

std::vector<std::int64_t> exchange_samples(RankWorld& two_ranks, std::int64_t bytes, const SamplingOptions& options) {
  std::array<Buffer, 2> own = buffers_of(bytes), other = buffers_of(bytes);
  const auto once = [&] {
    return common_time(two_ranks.world(), [&](Communicator& c) {
      const auto rank = static_cast<std::size_t>(c.rank());
      swap_once(c, own[rank], other[rank]);
    });
  };
  return take_samples(once, options);
}

std::vector<std::int64_t> ping_samples(RankWorld& two_ranks, std::int64_t bytes, const SamplingOptions& options) {
  std::array<Buffer, 2> buffers = buffers_of(bytes);
  const auto once = [&] {
    const std::int64_t all = common_time(two_ranks.world(), [&](Communicator& c) {
      Buffer& buffer = buffers[static_cast<std::size_t>(c.rank())];
      for (int i = 0; i < kPings; ++i) {
        if (c.rank() == 0) send(c, buffer);
        receive(c, buffer);
        if (c.rank() == 1) send(c, buffer);
      }
    });
    return all / (2 * kPings);
  };
  return take_samples(once, options);
}

}  // namespace ringattn
