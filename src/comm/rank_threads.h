#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace ringattn {

/// Threads that sleep between rounds, one for each rank that is at home in this process.
class RankThreads {
 public:
  explicit RankThreads(const std::vector<int>& ranks);
  ~RankThreads();
  RankThreads(const RankThreads&) = delete;
  RankThreads& operator=(const RankThreads&) = delete;

  /// Calls `body` once on each thread with its rank, and returns when all have returned. It must not throw. One round
  /// at a time.
  void round(const std::function<void(int rank)>& body);

 private:
  void work(int rank);

  std::mutex mutex_;
  std::condition_variable start_;
  std::condition_variable finish_;
  const std::function<void(int)>* current_ = nullptr;
  std::int64_t rounds_ = 0;
  std::size_t unfinished_ = 0;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace ringattn
