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
  /// Carries the rows of every exchange; null: the receiving thread copies them. With a mover a wait returns as soon as
  /// the copies are queued, and the rank's later work follows them.
  std::shared_ptr<RowMover> mover{};
};

/// k ranks as threads of this process. The threads live as long as the World; `run` gives each the same function and
/// returns when all have finished. The first error of any rank aborts the others and is rethrown; a message that nobody
/// received is an error too. A World can run any number of times, after an error as well (mailboxes are emptied). Runs
/// of one World are serialised; a body must not call `run` of its own World. Throws UsageError for world_size < 1 or
/// timeout <= 0.
class World {
 public:
  explicit World(int world_size, WorldOptions options = {});
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  int size() const;
  void run(const std::function<void(Communicator&)>& body);
  /// Everything copied between ranks since the last reset.
  Traffic traffic() const;
  void reset_traffic();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The only way a test gets ranks: a World of `world_size` for one run.
void spawn_ranks(int world_size, const std::function<void(Communicator&)>& body, WorldOptions options = {});

}  // namespace ringattn
