#include "comm/world.h"

#include "comm/exchange_hub.h"
#include "comm/thread_communicator.h"
#include "config/error.h"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace ringattn {

/// Worker threads that sleep between rounds. A round is one function, called once on each thread with its rank.
struct World::Impl {
  Impl(int world_size, WorldOptions options)
      : size(world_size),
        on_thread_start(std::move(options.on_thread_start)),
        hub(std::make_shared<ExchangeHub>(world_size, options)) {
    for (int rank = 0; rank < size; ++rank) threads.emplace_back([this, rank] { work(rank); });
  }

  ~Impl() {
    {
      const std::lock_guard<std::mutex> lock(mutex);
      stopping = true;
    }
    start.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  /// Returns the error of the rank that failed first, if any did; ranks that were only aborted don't count.
  std::exception_ptr round(const std::function<void(int rank)>& body) {
    std::unique_lock<std::mutex> lock(mutex);
    current = &body;
    unfinished = size;
    first_error = nullptr;
    ++rounds;
    start.notify_all();
    finish.wait(lock, [&] { return unfinished == 0; });
    current = nullptr;
    return std::exchange(first_error, nullptr);
  }

  void work(int rank) {
    std::unique_lock<std::mutex> lock(mutex);
    for (std::int64_t seen = 0;;) {
      start.wait(lock, [&] { return stopping || rounds != seen; });
      if (stopping) return;
      seen = rounds;
      const auto& body = *current;
      lock.unlock();
      call(rank, body);
      lock.lock();
      if (--unfinished == 0) finish.notify_one();
    }
  }

  void call(int rank, const std::function<void(int)>& body) {
    hub->slots().acquire();
    try {
      body(rank);
    } catch (const std::exception& error) {
      keep(rank, std::current_exception(), error.what());
    } catch (...) {
      keep(rank, std::current_exception(), "unknown exception");
    }
    hub->slots().release();
  }

  /// Only the rank that aborted the others has the original error; theirs say that they were aborted.
  void keep(int rank, std::exception_ptr error, const std::string& reason) {
    if (!hub->abort(rank, reason)) return;
    const std::lock_guard<std::mutex> lock(mutex);
    first_error = std::move(error);
  }

  const int size;
  const std::function<void(int)> on_thread_start;
  const std::shared_ptr<ExchangeHub> hub;
  std::mutex runs;  ///< held by the caller of run

  std::mutex mutex;
  std::condition_variable start;
  std::condition_variable finish;
  const std::function<void(int)>* current = nullptr;
  std::int64_t rounds = 0;
  int unfinished = 0;
  bool stopping = false;
  std::exception_ptr first_error;

  std::vector<std::thread> threads;
};

World::World(int world_size, WorldOptions options) {
  if (world_size < 1) throw UsageError("ranks: " + std::to_string(world_size) + ", must be at least 1");
  if (options.timeout.count() <= 0) {
    throw UsageError("timeout: " + std::to_string(options.timeout.count()) + " ms, must be positive");
  }
  impl_ = std::make_unique<Impl>(world_size, std::move(options));
  if (!impl_->on_thread_start) return;
  if (const auto error = impl_->round(impl_->on_thread_start)) std::rethrow_exception(error);
}

World::~World() = default;

int World::size() const { return impl_->size; }

void World::run(const std::function<void(Communicator&)>& body) {
  const std::lock_guard<std::mutex> one_at_a_time(impl_->runs);
  impl_->hub->reset();
  const auto error = impl_->round([&](int rank) {
    ThreadCommunicator communicator(rank, impl_->size, impl_->hub);
    body(communicator);
  });
  if (error) std::rethrow_exception(error);
  if (const std::string complaint = impl_->hub->complaint(); !complaint.empty()) throw RuntimeFailure(complaint);
}

Traffic World::traffic() const { return impl_->hub->traffic(); }

void World::reset_traffic() { impl_->hub->reset_traffic(); }

void spawn_ranks(int world_size, const std::function<void(Communicator&)>& body, WorldOptions options) {
  World(world_size, std::move(options)).run(body);
}

}  // namespace ringattn
