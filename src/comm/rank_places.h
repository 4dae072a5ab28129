#pragma once

#include "comm/process_group.h"
#include "comm/world.h"

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

namespace ringattn {

/// Whether this process holds what all ranks of a run have left behind, once that has been gathered: rank 0's does, and
/// the one whose threads they are.
inline bool has_all(const World& world) { return world.processes() == nullptr || world.processes()->rank() == 0; }

/// After a run in which each rank wrote its own place: rank 0's process gets them all. Collective; where ranks are
/// threads nothing is left to do.
template <typename T>
void gather_places(World& world, std::vector<T>& places) {
  static_assert(std::is_trivially_copyable_v<T>);
  ProcessGroup* group = world.processes();
  if (group == nullptr) return;
  const auto rank = static_cast<std::size_t>(group->rank());
  const std::span<T> own = rank < places.size() ? std::span<T>(places).subspan(rank, 1) : std::span<T>();
  const std::vector<std::vector<std::byte>> all = group->gather(world.size(), std::as_bytes(own));
  for (std::size_t i = 0; i < all.size(); ++i) std::memcpy(&places[i], all[i].data(), sizeof(T));
}

}  // namespace ringattn
