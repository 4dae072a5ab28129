#include "attention/stream_mover.h"

#include "comm/row_copy.h"
#include "kernels/rows.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>
#include <c10/core/AutogradState.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <algorithm>
#include <map>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

namespace ringattn {
namespace {

constexpr c10::DeviceType kGpu = c10::kCUDA;

c10::impl::VirtualGuardImpl gpu() { return c10::impl::VirtualGuardImpl(kGpu); }

/// Events that nobody needs any more, for the next mark of this thread: making one costs as much as a small kernel. An
/// event belongs to the device that it was recorded on, and the thread that lets it go may be another rank's.
class EventPool {
 public:
  std::unique_ptr<c10::Event> take(c10::DeviceIndex device) {
    std::vector<std::unique_ptr<c10::Event>>& events = events_[device];
    if (events.empty()) return std::make_unique<c10::Event>(kGpu);
    std::unique_ptr<c10::Event> event = std::move(events.back());
    events.pop_back();
    return event;
  }
  void give(std::unique_ptr<c10::Event> event) {
    std::vector<std::unique_ptr<c10::Event>>& events = events_[event->device_index()];
    if (events.size() < kEventsMax) events.push_back(std::move(event));
  }
  static EventPool& of_thread() {
    thread_local EventPool pool;
    return pool;
  }

 private:
  static constexpr std::size_t kEventsMax = 64;
  std::map<c10::DeviceIndex, std::vector<std::unique_ptr<c10::Event>>> events_;
};

struct EventMark final : RowMover::MarkedPoint {
  explicit EventMark(const c10::Stream& stream) : event(EventPool::of_thread().take(stream.device_index())) {
    event->record(stream);
  }
  ~EventMark() override { EventPool::of_thread().give(std::move(event)); }
  EventMark(const EventMark&) = delete;
  EventMark& operator=(const EventMark&) = delete;
  std::unique_ptr<c10::Event> event;
};

const c10::Event& event_of(const RowMover::Mark& mark) { return *static_cast<const EventMark&>(*mark).event; }

/// The calling thread's stream for copies on its current device.
c10::Stream copy_stream() {
  thread_local std::map<c10::DeviceIndex, c10::Stream> streams;
  const c10::Device device = gpu().getDevice();
  const auto found = streams.find(device.index());
  if (found != streams.end()) return found->second;
  return streams.emplace(device.index(), gpu().getStreamFromGlobalPool(device, /*isHighPriority=*/true)).first->second;
}

void copy_on(const c10::Stream& stream, std::span<const Block> from, std::span<const Block> to) {
  for_each_stretch(from, to, [&](const PairedRows& rows) {
    kernels::copy_stretch_cuda({.from = rows.from,
                                .to = rows.to,
                                .rows = rows.rows,
                                .row_bytes = rows.row_bytes,
                                .from_stride_bytes = rows.from_stride_bytes,
                                .to_stride_bytes = rows.to_stride_bytes},
                               stream.native_handle());
  });
}

class StreamMover : public RowMover {
 public:
  Mark mark() override { return std::make_shared<EventMark>(compute_stream()); }

  Mark move(std::span<const Block> from, std::span<const Block> to, const Mark& from_ready,
            const Mark& to_ready) override {
    const c10::Stream stream = copy_stream();
    event_of(from_ready).block(stream);
    event_of(to_ready).block(stream);
    copy_on(stream, from, to);
    return std::make_shared<EventMark>(stream);
  }

  Mark move_over_link(std::span<const Block>, std::span<const Block>, const Mark&, std::chrono::nanoseconds) override {
    throw std::logic_error("stream mover: made without a link");
  }

  void follow(const Mark& point) override {
    if (point) event_of(point).block(compute_stream());
  }

  std::int64_t take_followed_ns() override { return 0; }

 protected:
  static c10::Stream compute_stream() { return gpu().getStream(gpu().getDevice()); }
};

class LinkedMover final : public StreamMover {
 public:
  Mark move_over_link(std::span<const Block> from, std::span<const Block> to, const Mark& ready,
                      std::chrono::nanoseconds link_time) override {
    const c10::Stream stream = copy_stream();
    event_of(ready).block(stream);
    is_limited_ = link_time.count() > 0;
    if (link_time.count() > 0) kernels::mark_link_cuda(link_, stream.native_handle());
    copy_on(stream, from, to);
    if (link_time.count() > 0) kernels::wait_for_link_cuda(link_, link_time.count(), stream.native_handle());
    return std::make_shared<EventMark>(stream);
  }

  void follow(const Mark& point) override {
    if (!point) return;
    if (!is_limited_) return StreamMover::follow(point);
    const c10::Stream stream = compute_stream();
    c10::Event before(kGpu, c10::EventFlag::BACKEND_DEFAULT), after(kGpu, c10::EventFlag::BACKEND_DEFAULT);
    before.record(stream);
    event_of(point).block(stream);
    after.record(stream);
    stops_.emplace_back(std::move(before), std::move(after));
  }

  std::int64_t take_followed_ns() override {
    double milliseconds = 0.0;
    for (const auto& [before, after] : stops_) {
      after.synchronize();
      milliseconds += before.elapsedTime(after);
    }
    stops_.clear();
    return static_cast<std::int64_t>(1e6 * milliseconds);
  }

 private:
  std::shared_ptr<kernels::LinkClock> link_ = std::make_shared<kernels::LinkClock>();
  bool is_limited_ = false;
  std::vector<std::pair<c10::Event, c10::Event>> stops_;
};

}  // namespace

std::unique_ptr<RowMover> make_stream_mover(bool has_link) {
  if (has_link) return std::make_unique<LinkedMover>();
  return std::make_unique<StreamMover>();
}

c10::Device device_of_rank(c10::DeviceType type, int rank) {
  if (type == c10::kCPU) return c10::Device(c10::kCPU);
  const auto devices = static_cast<int>(c10::impl::VirtualGuardImpl(type).deviceCount());
  return {type, static_cast<c10::DeviceIndex>(rank % std::max(1, devices))};
}

WorldOptions on_devices(WorldOptions options, c10::DeviceType type) {
  if (type == c10::kCPU) return options;
  at::globalContext().lazyInitDevice(type);
  options.mover = make_stream_mover();
  options.on_thread_start = [also = std::move(options.on_thread_start), type](int rank) {
    const c10::Device device = device_of_rank(type, rank);
    gpu().setDevice(device);
    gpu().exchangeStream(gpu().getStreamFromGlobalPool(device, /*isHighPriority=*/false));
    kernels::reach_peers_cuda();
    // Autograd would run the backward passes of all ranks on a device's one thread, where they would wait for each
    // other.
    c10::AutogradState::get_tls_state().set_multithreading_enabled(false);
    if (also) also(rank);
  };
  return options;
}

}  // namespace ringattn
