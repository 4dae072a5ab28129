#include "comm/world.h"

#include "comm/process_world.h"
#include "comm/thread_world.h"
#include "config/error.h"

#include <string>
#include <utility>

namespace ringattn {
namespace {

void check(int world_size, const WorldOptions& options) {
  if (world_size < 1) throw UsageError("ranks: " + std::to_string(world_size) + ", must be at least 1");
  if (options.timeout.count() <= 0) {
    throw UsageError("timeout: " + std::to_string(options.timeout.count()) + " ms, must be positive");
  }
}

}  // namespace

World::World(int world_size, WorldOptions options) {
  check(world_size, options);
  impl_ = std::make_unique<ThreadWorld>(world_size, std::move(options));
}

World::World(std::shared_ptr<ProcessGroup> processes, int world_size, WorldOptions options) {
  check(world_size, options);
  impl_ = std::make_unique<ProcessWorld>(std::move(processes), world_size, std::move(options));
}

World::~World() = default;

int World::size() const { return impl_->size(); }

void World::run(const std::function<void(Communicator&)>& body) { impl_->run(body); }

Traffic World::traffic() const { return impl_->traffic(); }

void World::reset_traffic() { impl_->reset_traffic(); }

ProcessGroup* World::processes() const { return impl_->processes(); }

void spawn_ranks(int world_size, const std::function<void(Communicator&)>& body, WorldOptions options) {
  World(world_size, std::move(options)).run(body);
}

}  // namespace ringattn
