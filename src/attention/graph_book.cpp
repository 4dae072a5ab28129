#include "attention/graph_book.h"

#include <algorithm>

namespace ringattn {

GraphBook::Answer GraphBook::next(const Place& place) {
  ++calls_;
  const auto found = std::find_if(seen_.begin(), seen_.end(), [&](const Seen& each) { return each.place == place; });
  if (found == seen_.end()) {
    add(place);
    return {};
  }
  found->last_call = calls_;
  if (found->slot) return {Way::launch, *found->slot};
  found->slot = free_slot();
  return found->slot ? Answer{Way::record, *found->slot} : Answer{};
}

void GraphBook::forget(std::size_t slot) {
  if (Seen* const one = holder(slot)) one->slot.reset();
}

GraphBook::Seen* GraphBook::holder(std::size_t slot) {
  const auto found = std::find_if(seen_.begin(), seen_.end(), [&](const Seen& each) { return each.slot == slot; });
  return found == seen_.end() ? nullptr : &*found;
}

/// One that nobody holds, or that of the recording which has been idle for longest, if for long enough.
std::optional<std::size_t> GraphBook::free_slot() {
  Seen* idle = nullptr;
  for (std::size_t slot = 0; slot < kKept; ++slot) {
    Seen* const one = holder(slot);
    if (one == nullptr) return slot;
    if (idle == nullptr || one->last_call < idle->last_call) idle = one;
  }
  if (calls_ - idle->last_call <= kIdle) return std::nullopt;
  const std::optional<std::size_t> slot = idle->slot;
  idle->slot.reset();
  return slot;
}

void GraphBook::add(const Place& place) {
  if (seen_.size() >= kSeenMax) {
    // Recordings are fewer than what is remembered, so one without is found.
    const auto older = [](const Seen& a, const Seen& b) {
      return a.slot.has_value() != b.slot.has_value() ? b.slot.has_value() : a.last_call < b.last_call;
    };
    seen_.erase(std::min_element(seen_.begin(), seen_.end(), older));
  }
  seen_.push_back({place, calls_, std::nullopt});
}

}  // namespace ringattn
