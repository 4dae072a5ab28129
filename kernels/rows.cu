// Moves rows: copies between buffers, and packs of rows that lie irregularly. CPU twins: comm/row_copy.cpp and
// packed_rows in attention/key_value.cpp.
//
// Versions of the pack:
//   1. A group of 16 lanes a row of one head, 16 bytes an access where everything is aligned to it, else 2 or 1 (this
//      one).

#include "kernels/launch.cuh"
#include "kernels/rows.h"

#include <algorithm>
#include <chrono>

namespace ringattn::kernels {
namespace {

constexpr int kLanes = 16;
constexpr int kThreads = 256;

template <typename Unit>
__global__ void pack_rows(PackShape shape, const std::byte* from, const std::int64_t* index, std::byte* to,
                          std::int64_t all) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  const std::int64_t flat = (static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x) / kLanes;
  if (flat >= all) return;
  const std::int64_t head = flat % shape.heads, rest = flat / shape.heads;
  const std::int64_t row = rest % shape.rows, batch = rest / shape.rows;
  const auto* source = reinterpret_cast<const Unit*>(
      from + batch * shape.from_batch_stride + index[row] * shape.from_row_stride + head * shape.from_head_stride);
  auto* target = reinterpret_cast<Unit*>(to + flat * shape.head_bytes);
  const std::int64_t units = shape.head_bytes / static_cast<std::int64_t>(sizeof(Unit));
  for (std::int64_t i = lane; i < units; i += kLanes) target[i] = source[i];
}

template <typename Unit>
bool fits(const PackShape& shape, const void* from, const void* to) {
  const auto whole = [](std::int64_t value) { return value % static_cast<std::int64_t>(sizeof(Unit)) == 0; };
  return whole(shape.head_bytes) && whole(shape.from_batch_stride) && whole(shape.from_row_stride) &&
         whole(shape.from_head_stride) && whole(reinterpret_cast<std::intptr_t>(from)) &&
         whole(reinterpret_cast<std::intptr_t>(to));
}

template <typename Unit>
void launch_pack(const PackShape& shape, const void* from, const std::int64_t* index, void* to, cudaStream_t stream) {
  const std::int64_t all = shape.batches * shape.rows * shape.heads;
  if (all == 0 || shape.head_bytes == 0) return;
  pack_rows<Unit><<<blocks_for(all * kLanes, kThreads), kThreads, 0, stream>>>(
      shape, static_cast<const std::byte*>(from), index, static_cast<std::byte*>(to), all);
  check_launch("pack_rows");
}

std::int64_t host_time_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

/// One turn of the stream at the link; the driver calls it on a thread of its own.
struct LinkTurn {
  std::shared_ptr<LinkClock> link;
  std::int64_t nanoseconds = -1;  ///< to take; -1: a mark
};

void take_turn(void* data) {
  const std::unique_ptr<LinkTurn> turn(static_cast<LinkTurn*>(data));
  LinkClock& link = *turn->link;
  if (turn->nanoseconds < 0) {
    link.marked_ns = host_time_ns();
    return;
  }
  link.busy_until_ns = std::max(link.marked_ns, link.busy_until_ns) + turn->nanoseconds;
  while (host_time_ns() < link.busy_until_ns) {
  }
}

void queue_turn(std::unique_ptr<LinkTurn> turn, void* stream) {
  check_cuda(cudaLaunchHostFunc(static_cast<cudaStream_t>(stream), take_turn, turn.get()), "cudaLaunchHostFunc");
  (void)turn.release();  // take_turn's now
}

}  // namespace

bool have_cuda_kernels() { return true; }

void copy_stretch_cuda(const RowStretch& s, void* stream) {
  if (s.rows == 0 || s.row_bytes == 0) return;
  const auto on = static_cast<cudaStream_t>(stream);
  const auto bytes = static_cast<std::size_t>(s.row_bytes), rows = static_cast<std::size_t>(s.rows);
  const bool is_one_run = rows == 1 || (s.from_stride_bytes == s.row_bytes && s.to_stride_bytes == s.row_bytes);
  if (is_one_run) return check_cuda(cudaMemcpyAsync(s.to, s.from, rows * bytes, cudaMemcpyDefault, on), "row copy");
  check_cuda(cudaMemcpy2DAsync(s.to, static_cast<std::size_t>(s.to_stride_bytes), s.from,
                               static_cast<std::size_t>(s.from_stride_bytes), bytes, rows, cudaMemcpyDefault, on),
             "row copy");
}

void reach_peers_cuda() {
  int own = 0, devices = 0;
  check_cuda(cudaGetDevice(&own), "cudaGetDevice");
  check_cuda(cudaGetDeviceCount(&devices), "cudaGetDeviceCount");
  for (int peer = 0; peer < devices; ++peer) {
    int can = 0;
    if (peer != own) check_cuda(cudaDeviceCanAccessPeer(&can, own, peer), "cudaDeviceCanAccessPeer");
    if (can == 0) continue;
    const cudaError_t error = cudaDeviceEnablePeerAccess(peer, 0);
    if (error != cudaErrorPeerAccessAlreadyEnabled) check_cuda(error, "cudaDeviceEnablePeerAccess");
    (void)cudaGetLastError();  // which would be the next call's
  }
}

void pack_rows_cuda(const PackShape& shape, const void* from, const std::int64_t* index, void* to, void* stream) {
  const auto on = static_cast<cudaStream_t>(stream);
  if (fits<uint4>(shape, from, to)) return launch_pack<uint4>(shape, from, index, to, on);
  if (fits<std::uint16_t>(shape, from, to)) return launch_pack<std::uint16_t>(shape, from, index, to, on);
  launch_pack<std::uint8_t>(shape, from, index, to, on);
}

void mark_link_cuda(const std::shared_ptr<LinkClock>& link, void* stream) {
  queue_turn(std::make_unique<LinkTurn>(LinkTurn{link}), stream);
}

void wait_for_link_cuda(const std::shared_ptr<LinkClock>& link, std::int64_t nanoseconds, void* stream) {
  queue_turn(std::make_unique<LinkTurn>(LinkTurn{link, nanoseconds}), stream);
}

}  // namespace ringattn::kernels
