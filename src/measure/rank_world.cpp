#include "measure/rank_world.h"

#include "attention/stream_mover.h"
#include "comm/process_group.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <mutex>
#include <utility>

namespace ringattn {
namespace {

/// Puts the calling thread's number, and with it the process-wide default, back.
struct KeepThreads {
  const int own = at::get_num_threads();
  ~KeepThreads() { at::set_num_threads(own); }
};

World make_world(int world_size, WorldOptions options, int threads,
                 const std::shared_ptr<ProcessGroup>& processes = nullptr) {
  // Rank threads take their number while the process-wide default holds it: one world at a time.
  static std::mutex default_mutex;
  const std::lock_guard<std::mutex> lock(default_mutex);
  const KeepThreads keep;
  options.on_thread_start = [threads, also = std::move(options.on_thread_start)](int rank) {
    at::set_num_threads(threads);
    at::get_num_threads();  // the first use copies the default, which is ours now, and is over with
    if (also) also(rank);
  };
  if (processes != nullptr) return World(processes, world_size, std::move(options));
  return World(world_size, std::move(options));
}

}  // namespace

namespace {

int total_or_own(int total_threads) { return total_threads > 0 ? total_threads : at::get_num_threads(); }

/// More ranks than cores take turns; one more than there are cores may run, so that no core is idle while a rank wakes
/// up.
WorldOptions with_slots(WorldOptions options, int world_size, int total) {
  if (world_size > total + 1) options.run_slots = total + 1;
  return options;
}

}  // namespace

int threads_per_rank(int total, int world_size) { return std::max(1, total / std::max(1, world_size)); }

// Ranks on GPUs give their threads little to do: none has to wait for its turn.
RankWorld::RankWorld(int world_size, WorldOptions options, c10::DeviceType device_type)
    : threads_(ringattn::threads_per_rank(total_or_own(0), world_size)),
      world_(make_world(world_size,
                        device_type == c10::kCPU ? with_slots(std::move(options), world_size, total_or_own(0))
                                                 : on_devices(std::move(options), device_type),
                        threads_)) {}

RankWorld::RankWorld(const std::shared_ptr<ProcessGroup>& processes, int world_size, WorldOptions options)
    : threads_(ringattn::threads_per_rank(total_or_own(0), processes->on_this_host(world_size))),
      world_(make_world(world_size, std::move(options), threads_, processes)) {}

RankWorld::RankWorld(int world_size, WorldOptions options, int total_threads)
    : threads_(ringattn::threads_per_rank(total_or_own(total_threads), world_size)),
      world_(
          make_world(world_size, with_slots(std::move(options), world_size, total_or_own(total_threads)), threads_)) {}

}  // namespace ringattn
