#pragma once

#include "comm/process_group.h"
#include "comm/rank_threads.h"
#include "comm/world_impl.h"

#include <chrono>
#include <functional>
#include <memory>

namespace ringattn {

class ProcessHub;

/// The first processes of a group as ranks; this process's rank is a thread of its own, so that what is kept per thread
/// (the number of intra-op threads, the memory meter) is the rank's.
class ProcessWorld final : public World::Impl {
 public:
  ProcessWorld(std::shared_ptr<ProcessGroup> group, int world_size, WorldOptions options);

  int size() const override { return size_; }
  void run(const std::function<void(Communicator&)>& body) override;
  Traffic traffic() override;
  void reset_traffic() override;
  ProcessGroup* processes() const override { return group_.get(); }

 private:
  const std::shared_ptr<ProcessGroup> group_;
  const std::shared_ptr<ProcessHub> hub_;
  const int size_;
  const std::chrono::milliseconds timeout_;
  const std::function<void(int)> on_thread_start_;
  RankThreads threads_;
};

}  // namespace ringattn
