#include "comm/thread_world.h"

#include "comm/thread_communicator.h"
#include "config/error.h"

#include <numeric>
#include <utility>
#include <vector>

namespace ringattn {
namespace {

std::vector<int> all_ranks(int size) {
  std::vector<int> ranks(static_cast<std::size_t>(size));
  std::iota(ranks.begin(), ranks.end(), 0);
  return ranks;
}

}  // namespace

ThreadWorld::ThreadWorld(int world_size, WorldOptions options)
    : size_(world_size),
      on_thread_start_(std::move(options.on_thread_start)),
      hub_(std::make_shared<ExchangeHub>(world_size, std::move(options))),
      threads_(all_ranks(world_size)) {
  if (!on_thread_start_) return;
  if (const auto error = round(on_thread_start_)) std::rethrow_exception(error);
}

void ThreadWorld::run(const std::function<void(Communicator&)>& body) {
  const std::lock_guard<std::mutex> one_at_a_time(runs_);
  hub_->reset();
  const auto error = round([&](int rank) {
    ThreadCommunicator communicator(rank, size_, hub_);
    body(communicator);
  });
  if (error) std::rethrow_exception(error);
  if (const std::string complaint = hub_->complaint(); !complaint.empty()) throw RuntimeFailure(complaint);
}

std::exception_ptr ThreadWorld::round(const std::function<void(int rank)>& body) {
  threads_.round([&](int rank) { call(rank, body); });
  return std::exchange(first_error_, nullptr);
}

void ThreadWorld::call(int rank, const std::function<void(int)>& body) {
  hub_->slots().acquire();
  try {
    body(rank);
  } catch (const std::exception& error) {
    keep(rank, std::current_exception(), error.what());
  } catch (...) {
    keep(rank, std::current_exception(), "unknown exception");
  }
  hub_->slots().release();
}

/// Only the rank that aborted the others has the original error; theirs say that they were aborted.
void ThreadWorld::keep(int rank, std::exception_ptr error, const std::string& reason) {
  if (!hub_->abort(rank, reason)) return;
  const std::lock_guard<std::mutex> lock(error_mutex_);
  first_error_ = std::move(error);
}

}  // namespace ringattn
