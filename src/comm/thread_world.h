#pragma once

#include "comm/exchange_hub.h"
#include "comm/rank_threads.h"
#include "comm/world_impl.h"

#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace ringattn {

/// All ranks as threads of this process.
class ThreadWorld final : public World::Impl {
 public:
  ThreadWorld(int world_size, WorldOptions options);

  int size() const override { return size_; }
  void run(const std::function<void(Communicator&)>& body) override;
  Traffic traffic() override { return hub_->traffic(); }
  void reset_traffic() override { hub_->reset_traffic(); }

 private:
  /// Returns the error of the rank that failed first, if any did; ranks that were only aborted don't count.
  std::exception_ptr round(const std::function<void(int rank)>& body);
  void call(int rank, const std::function<void(int)>& body);
  void keep(int rank, std::exception_ptr error, const std::string& reason);

  const int size_;
  const std::function<void(int)> on_thread_start_;
  const std::shared_ptr<ExchangeHub> hub_;
  std::mutex runs_;  ///< held by the caller of run
  std::mutex error_mutex_;
  std::exception_ptr first_error_;
  RankThreads threads_;
};

}  // namespace ringattn
