#pragma once

#include "comm/world.h"

#include <c10/core/Device.h>

#include <memory>

namespace ringattn {

/// Intra-op threads of each of `world_size` ranks that share `total`: max(1, ⌊total/k⌋).
int threads_per_rank(int total, int world_size);

/// A World whose ranks share out this process's intra-op threads, so that k ranks use the cores that one rank would.
///
/// What LibTorch does: at::set_num_threads sets the calling thread's own number (OpenMP's and MKL's, both per thread)
/// and a process-wide default that any other thread copies once, at its first use. So each rank thread sets its number
/// when it starts and keeps it, whatever others do later; the caller's number and the default are put back. Worlds of
/// different sizes may live and be used side by side.
class RankWorld {
 public:
  /// `total_threads` 0: as many as the calling thread has (the cores, unless OMP_NUM_THREADS or at::set_num_threads say
  /// otherwise).
  explicit RankWorld(int world_size, WorldOptions options = {}, int total_threads = 0);
  /// Ranks whose tensors lie on devices of this type, GPUs in turn; as many intra-op threads as above.
  RankWorld(int world_size, WorldOptions options, c10::DeviceType device_type);
  /// Ranks that are processes; those of one host share out its intra-op threads as threads of one process do.
  RankWorld(const std::shared_ptr<ProcessGroup>& processes, int world_size, WorldOptions options);

  World& world() { return world_; }
  int size() const { return world_.size(); }
  int threads_per_rank() const { return threads_; }

 private:
  int threads_;
  World world_;
};

}  // namespace ringattn
