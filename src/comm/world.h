#pragma once

#include "comm/communicator.h"
#include "comm/row_mover.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>

namespace ringattn {

struct WorldOptions {
  /// Ranks that may compute at the same time, the others waiting their turn; 0: all. For more ranks than cores.
  int run_slots = 0;
  std::chrono::milliseconds timeout{30'000};  ///< deadline of every single wait
  std::function<void(int rank)>
      on_thread_start;  ///< runs once on each rank thread (intra-op thread count, NaN traps …)
  /// Sees each copied run of bytes: (from, to, hop, source bytes). Tests use it to learn which rows really travelled.
  /// Called on the receiving rank's thread, one call at a time; not with a mover, whose rows no thread sees.
  std::function<void(int from, int to, int hop, std::span<const std::byte>)> on_copy;
  /// Asked before each attempt at a message; true makes it fail: the receive memory is spoilt, as nothing can be
  /// trusted after half a copy. For tests. Called on the receiving rank's thread, of several ranks at a time.
  std::function<bool(const CopyAttempt&)> inject_fault{};
  /// Carries the rows of every exchange; null: the receiving thread copies them. With a mover a wait returns as soon as
  /// the copies are queued, and the rank's later work follows them.
  std::shared_ptr<RowMover> mover{};
};

class ProcessGroup;

/// k ranks, as threads of this process or as processes. The threads live as long as the World; `run` gives each the
/// same function and returns when all have finished. The first error of any rank aborts the others and is rethrown; a
/// message that nobody received is an error too. A World can run any number of times, after an error as well (mailboxes
/// are emptied). Runs of one World are serialised; a body must not call `run` of its own World. Throws UsageError for
/// world_size < 1 or timeout <= 0.
class World {
 public:
  explicit World(int world_size, WorldOptions options = {});
  /// The first `world_size` processes of a group, one rank each: UsageError where it has fewer. Each process makes the
  /// same Worlds and the same calls in the same order; `run` calls the function for this process's rank alone, if it is
  /// one, and returns when all processes have finished. What it leaves in memory is of that rank alone. After an error
  /// the group is broken: all its worlds answer with that error. Of `options`, run slots, observers, injected faults
  /// and movers are for threads.
  World(std::shared_ptr<ProcessGroup> processes, int world_size, WorldOptions options = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  int size() const;
  void run(const std::function<void(Communicator&)>& body);
  /// Everything copied between ranks since the last reset. Between processes it is a call of all of them, rank 0 gets
  /// the answer, and each resets what it has counted itself.
  Traffic traffic() const;
  void reset_traffic();
  /// Null where all ranks are threads of this process.
  ProcessGroup* processes() const;

  struct Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

/// The only way a test gets ranks: a World of `world_size` for one run.
void spawn_ranks(int world_size, const std::function<void(Communicator&)>& body, WorldOptions options = {});

}  // namespace ringattn
