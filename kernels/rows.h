#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace ringattn::kernels {

/// Whether this build has the CUDA kernels; without them every *_cuda function throws std::runtime_error.
bool have_cuda_kernels();

/// Runs of bytes to copy on a device: `rows` of `row_bytes` each, the given strides apart.
struct RowStretch {
  const std::byte* from = nullptr;
  std::byte* to = nullptr;
  std::int64_t rows = 0;
  std::int64_t row_bytes = 0;
  std::int64_t from_stride_bytes = 0;
  std::int64_t to_stride_bytes = 0;
};

/// Enqueues the copy on `stream` (a cudaStream_t); the ends may lie on different devices. One call of the driver, so
/// that the device's copy engines can take it.
void copy_stretch_cuda(const RowStretch& stretch, void* stream);

/// Lets the calling thread's device read the memory of all others that it can reach, so that copies between them need
/// no detour through the host.
void reach_peers_cuda();

/// to[b, i, head] = from[b, index[i], head] for rows of heads of `head_bytes` bytes; `to` is contiguous; strides in
/// bytes; all of it on the stream's device.
struct PackShape {
  std::int64_t batches = 0;
  std::int64_t rows = 0;  ///< of the result
  std::int64_t heads = 0;
  std::int64_t head_bytes = 0;
  std::int64_t from_batch_stride = 0;
  std::int64_t from_row_stride = 0;
  std::int64_t from_head_stride = 0;
};
void pack_rows_cuda(const PackShape& shape, const void* from, const std::int64_t* index, void* to, void* stream);

/// What a stream has carried over a link, in nanoseconds of the host's steady clock.
struct LinkClock {
  std::int64_t marked_ns = 0;      ///< when the stream reached the last mark
  std::int64_t busy_until_ns = 0;  ///< until when the link is taken
};
/// Holds the stream up: work after `wait_for_link_cuda` begins no earlier than `nanoseconds` after whatever was later,
/// the end of the previous such wait on this link or the moment at which `mark_link_cuda` was reached. The host keeps
/// the time, at the stream's turn, so that no multiprocessor has to be free for it.
void mark_link_cuda(const std::shared_ptr<LinkClock>& link, void* stream);
void wait_for_link_cuda(const std::shared_ptr<LinkClock>& link, std::int64_t nanoseconds, void* stream);

}  // namespace ringattn::kernels
