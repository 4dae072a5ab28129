#include "comm/process_world.h"

#include "comm/process_communicator.h"
#include "config/error.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace ringattn {
namespace {

std::shared_ptr<ProcessGroup> checked(std::shared_ptr<ProcessGroup> group, int world_size) {
  if (world_size > group->size())
    throw UsageError("ranks: " + std::to_string(world_size) + " asked for, but this run has " +
                     std::to_string(group->size()) +
                     " processes; each is one rank: start more, or ask for fewer ranks");
  return group;
}

std::vector<int> ranks_here(const ProcessGroup& group, int world_size) {
  return group.rank() < world_size ? std::vector{group.rank()} : std::vector<int>{};
}

}  // namespace

ProcessWorld::ProcessWorld(std::shared_ptr<ProcessGroup> group, int world_size, WorldOptions options)
    : group_(checked(std::move(group), world_size)),
      hub_(group_->hub()),
      size_(world_size),
      timeout_(options.timeout),
      on_thread_start_(std::move(options.on_thread_start)),
      threads_(ranks_here(*group_, world_size)) {
  if (on_thread_start_) threads_.round(on_thread_start_);
}

void ProcessWorld::run(const std::function<void(Communicator&)>& body) {
  hub_->begin_run(timeout_);
  std::exception_ptr error;
  threads_.round([&](int rank) {
    try {
      ProcessCommunicator communicator(rank, size_, hub_);
      body(communicator);
    } catch (const RuntimeFailure& failed) {
      hub_->fail(failed.what());  // all stop with one error: this one, or the one that it came from
    } catch (const std::exception& failed) {
      error = std::current_exception();
      hub_->fail(failed.what());
    } catch (...) {
      error = std::current_exception();
      hub_->fail("unknown exception");
    }
  });
  if (error) std::rethrow_exception(error);
  // Nothing of the run counts before every process has come to its end: rows that a peer was about to give up look
  // like any others.
  hub_->all_gather_value(group_->size(), 0, "the end of a run", ProcessHub::Patience::life);
}

Traffic ProcessWorld::traffic() {
  const Traffic own = hub_->traffic();
  const auto bytes = std::as_bytes(std::span(own.records));
  Traffic all;
  for (const std::vector<std::byte>& records : group_->gather(size_, bytes)) {
    std::vector<TrafficRecord> theirs(records.size() / sizeof(TrafficRecord));
    if (!theirs.empty()) std::memcpy(theirs.data(), records.data(), records.size());
    all.records.insert(all.records.end(), theirs.begin(), theirs.end());
  }
  std::sort(all.records.begin(), all.records.end(), [](const TrafficRecord& a, const TrafficRecord& b) {
    return std::tuple(a.from, a.to, a.hop) < std::tuple(b.from, b.to, b.hop);
  });
  return all;
}

void ProcessWorld::reset_traffic() { hub_->reset_traffic(); }

}  // namespace ringattn
