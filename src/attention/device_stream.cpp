#include "attention/device_stream.h"

#include "config/error.h"

#include <c10/core/Event.h>
#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <fmt/format.h>

#include <thread>

namespace ringattn {
namespace {

/// How long a wait keeps asking, and how long it sleeps between two questions after that.
constexpr std::chrono::milliseconds kPollingTime(20);
constexpr std::chrono::microseconds kNap(20);

c10::Stream stream_of(const c10::Device& device) {
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device);
}

}  // namespace

void* current_stream(const c10::Device& device) {
  return device.is_cpu() ? nullptr : stream_of(device).native_handle();
}

void wait_for_device(const c10::Device& device, std::chrono::milliseconds timeout) {
  if (device.is_cpu()) return;
  const c10::Stream stream = stream_of(device);
  c10::Event end(device.type());
  end.record(stream);
  const auto begin = std::chrono::steady_clock::now();
  while (!end.query()) {
    const auto waited = std::chrono::steady_clock::now() - begin;
    if (waited > timeout)
      throw RuntimeFailure(fmt::format("{}: what it was given is not done after {} ms", device.str(), timeout.count()));
    if (waited > kPollingTime) std::this_thread::sleep_for(kNap);
  }
}

}  // namespace ringattn
