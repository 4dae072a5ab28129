#include "comm/meeting_point.h"

#include "comm/words.h"
#include "config/error.h"

#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <utility>

namespace ringattn {
namespace {

using std::chrono::milliseconds;
using StorePtr = c10::intrusive_ptr<c10d::TCPStore>;

/// By how much the store may be late to say itself that time is up.
constexpr milliseconds kStoreSlack{500};

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

}  // namespace

struct MeetingPoint::Impl {
  milliseconds left() const {
    return std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(end - Clock::now()));
  }

  std::string meeting_point() const { return place.master_address + ":" + std::to_string(place.master_port); }

  /// Calls `ask`, which speaks to the store, on a thread of its own: where the store's owner is stopped or cut off, no
  /// answer comes, and the store's client waits for ever. Then the thread is left behind; the process has to end
  /// anyway.
  template <typename Answer>
  Answer within_deadline(std::function<Answer()> ask) const {
    const auto task = std::make_shared<std::packaged_task<Answer()>>(std::move(ask));
    std::future<Answer> answer = task->get_future();
    std::thread asking([task] { (*task)(); });
    if (answer.wait_until(end + kStoreSlack) == std::future_status::ready) {
      asking.join();
      return answer.get();
    }
    asking.detach();
    throw RuntimeFailure("no answer within " + std::to_string(deadline.count()) + " ms");
  }

  void open() {
    c10d::TCPStoreOptions options;
    options.port = static_cast<std::uint16_t>(place.master_port);
    options.isServer = place.rank == 0 && !place.store_is_launchers;
    options.waitWorkers = false;
    options.timeout = left();
    if (options.isServer) options.masterListenFd = place.listener;
    try {
      store = within_deadline<StorePtr>(
          [address = place.master_address, options] { return c10::make_intrusive<c10d::TCPStore>(address, options); });
    } catch (const std::exception& error) {
      throw RuntimeFailure(rank_name(place.rank) + ": " +
                           (options.isServer ? "cannot listen at " : "finds nobody at ") + meeting_point() +
                           " (MASTER_ADDR, MASTER_PORT): " + first_line(error.what()));
    }
  }

  std::string key(int rank) const { return "ringattn/" + place.attempt + "/" + std::to_string(rank); }

  std::vector<ProcessCard> exchange(const ProcessCard& own_card) {
    std::vector<std::string> keys;
    for (int peer = 0; peer < place.world_size; ++peer) keys.push_back(key(peer));
    try {
      return within_deadline<std::vector<ProcessCard>>(
          [store = store, keys, own_key = key(place.rank), own = own_card.to_text(), limit = left()] {
            store->set(own_key, std::vector<std::uint8_t>(own.begin(), own.end()));
            store->wait(keys, limit);
            std::vector<ProcessCard> cards;
            for (const std::string& each : keys) {
              const std::vector<std::uint8_t> text = store->get(each);
              cards.push_back(ProcessCard::from_text({text.begin(), text.end()}));
            }
            return cards;
          });
    } catch (const std::exception& error) {
      throw RuntimeFailure(rank_name(place.rank) + ": at " + meeting_point() + missing_words(keys) + ": " +
                           first_line(error.what()));
    }
  }

  /// Which ranks have not come, as far as the store can still be asked.
  std::string missing_words(const std::vector<std::string>& keys) const {
    try {
      const std::string missing = within_deadline<std::string>([store = store, keys] {
        std::string ranks;
        for (std::size_t peer = 0; peer < keys.size(); ++peer) {
          if (!store->check({keys[peer]})) ranks += (ranks.empty() ? "" : ", ") + std::to_string(peer);
        }
        return ranks;
      });
      if (missing.empty()) return "";
      return " rank " + missing + " did not come within " + std::to_string(deadline.count()) + " ms";
    } catch (const std::exception&) {
      return " rank 0 has gone";
    }
  }

  const ProcessPlace place;
  const milliseconds deadline;
  const Clock::time_point end;
  StorePtr store{};
};

MeetingPoint::MeetingPoint(const ProcessPlace& place, milliseconds deadline, Clock::time_point end)
    : impl_(std::make_unique<Impl>(Impl{place, deadline, end})) {
  impl_->open();
}

MeetingPoint::~MeetingPoint() = default;

std::vector<ProcessCard> MeetingPoint::exchange(const ProcessCard& own) { return impl_->exchange(own); }

}  // namespace ringattn
