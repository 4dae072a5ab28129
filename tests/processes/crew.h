#pragma once

#include "comm/loopback_port.h"
#include "comm/process_group.h"
#include "comm/process_join.h"

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

namespace ringattn::testing {

/// Whose members are threads here, but know nothing of one another except through their connections: what a group of
/// processes does, where no process has to die.
inline void run_crew(int size, const std::function<void(const std::shared_ptr<ProcessGroup>&)>& body,
                     JoinOptions options = {.deadline = std::chrono::seconds(20)}) {
  LoopbackPort port;
  const int listener = port.release();
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(size));
  std::vector<std::thread> members;
  for (int rank = 0; rank < size; ++rank) {
    members.emplace_back([&, rank] {
      try {
        ProcessPlace place{.rank = rank, .world_size = size};
        place.master_address = "127.0.0.1";
        place.master_port = port.port();
        if (rank == 0) place.listener = listener;
        const auto group = std::make_shared<ProcessGroup>(join_processes(place, options), options.deadline);
        body(group);
      } catch (...) {
        errors[static_cast<std::size_t>(rank)] = std::current_exception();
      }
    });
  }
  for (std::thread& member : members) member.join();
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace ringattn::testing
