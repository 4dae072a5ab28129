#include "comm/rank_threads.h"

namespace ringattn {

RankThreads::RankThreads(const std::vector<int>& ranks) {
  for (const int rank : ranks) threads_.emplace_back([this, rank] { work(rank); });
}

RankThreads::~RankThreads() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  start_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void RankThreads::round(const std::function<void(int rank)>& body) {
  std::unique_lock<std::mutex> lock(mutex_);
  current_ = &body;
  unfinished_ = threads_.size();
  ++rounds_;
  start_.notify_all();
  finish_.wait(lock, [&] { return unfinished_ == 0; });
  current_ = nullptr;
}

void RankThreads::work(int rank) {
  std::unique_lock<std::mutex> lock(mutex_);
  for (std::int64_t seen = 0;;) {
    start_.wait(lock, [&] { return stopping_ || rounds_ != seen; });
    if (stopping_) return;
    seen = rounds_;
    const auto& body = *current_;
    lock.unlock();
    body(rank);
    lock.lock();
    if (--unfinished_ == 0) finish_.notify_one();
  }
}

}  // namespace ringattn
