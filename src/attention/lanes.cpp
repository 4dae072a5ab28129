#include "attention/lanes.h"

#include <c10/core/impl/VirtualGuardImpl.h>

namespace ringattn {
namespace {

c10::impl::VirtualGuardImpl guard_of(const c10::Device& device) { return c10::impl::VirtualGuardImpl(device.type()); }

c10::Stream new_stream(const c10::Device& device) {
  return guard_of(device).getStreamFromGlobalPool(device, /*isHighPriority=*/false);
}

}  // namespace

Lanes::Lanes(const c10::Device& device)
    : device_(device),
      main_(guard_of(device).getStream(device)),
      lanes_{new_stream(device), new_stream(device)},
      begun_(device.type()),
      ended_(device.type()),
      crossing_(device.type()),
      tiles_done_{c10::Event(device.type()), c10::Event(device.type())},
      merged_{c10::Event(device.type()), c10::Event(device.type())} {}

Lanes::~Lanes() {
  try {
    ended_.synchronize();
  } catch (...) {  // the device has failed: its next use says so
  }
}

Lanes::Call::Call(Lanes& lanes) : lanes_(lanes) {
  lanes.main_ = guard_of(lanes.device_).getStream(lanes.device_);
  lanes.ended_.block(lanes.main_);  // the last call may have been another stream's
  lanes.begun_.record(lanes.main_);
  for (const c10::Stream& lane : lanes.lanes_) lanes.begun_.block(lane);
}

Lanes::Call::~Call() {
  try {
    // Where all went well the merges have waited for all tiles already.
    for (std::size_t i = 0; i < 2; ++i) {
      lanes_.tiles_done_[i].record(lanes_.lanes_[i]);
      lanes_.tiles_done_[i].block(lanes_.main_);
    }
    lanes_.ended_.record(lanes_.main_);
    lanes_.use(lanes_.main_);
  } catch (...) {  // the device has failed: its next use says so
  }
}

void Lanes::run_tiles(std::size_t step, const std::function<void()>& launch) {
  use(lane(step));
  if (step >= 2) merged_[step % 2].block(lane(step));
  launch();
  tiles_done_[step % 2].record(lane(step));
}

void Lanes::run_merge(std::size_t step, const std::function<void()>& launch) {
  use(main_);
  tiles_done_[step % 2].block(main_);
  launch();
  merged_[step % 2].record(main_);
}

/// The lane has seen the tiles that read the buffer; the other one the hop before, and no later tiles yet.
void Lanes::before_post(std::size_t step) {
  crossing_.record(lane(step + 1));
  crossing_.block(lane(step));
  use(lane(step));
}

void Lanes::before_wait(std::size_t step) { use(lane(step)); }

void Lanes::at_end() { use(main_); }

void Lanes::use(const c10::Stream& stream) const { guard_of(device_).exchangeStream(stream); }

}  // namespace ringattn
