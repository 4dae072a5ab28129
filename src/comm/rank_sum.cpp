#include "comm/rank_sum.h"

#include "config/error.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace ringattn {
namespace {

void check_counts(Communicator& communicator, std::size_t count) {
  const std::vector<std::int64_t> counts = communicator.all_gather_value(static_cast<std::int64_t>(count));
  for (std::size_t rank = 1; rank < counts.size(); ++rank) {
    if (counts[rank] == counts[0]) continue;
    throw UsageError("rank " + std::to_string(rank) + ": has " + std::to_string(counts[rank]) +
                     " values to add up, rank 0 has " + std::to_string(counts[0]) + "; they must be equal");
  }
}

template <typename T>
class RankSum {
 public:
  RankSum(Communicator& communicator, std::span<T> values)
      : communicator_(communicator),
        values_(values),
        ranks_(static_cast<std::size_t>(communicator.world_size())),
        own_(static_cast<std::size_t>(communicator.rank())) {}

  void run() {
    if (ranks_ == 1) return;
    add_own_part();
    share_sums();
  }

 private:
  /// The elements that a rank adds up.
  std::span<T> part(std::size_t rank) const {
    const std::size_t begin = values_.size() * rank / ranks_;
    return values_.subspan(begin, values_.size() * (rank + 1) / ranks_ - begin);
  }

  void add_own_part() {
    const std::span<T> sums = part(own_);
    std::vector<std::vector<T>> others(ranks_);
    Exchange exchange{.hop = rank_sum_hop, .sends = {}, .receives = {}};
    for (std::size_t peer = 0; peer < ranks_; ++peer) {
      if (peer == own_) continue;
      others[peer].resize(sums.size());
      add(exchange.sends, peer, part(peer));
      add(exchange.receives, peer, others[peer]);
    }
    finish(std::move(exchange));
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const T mine = sums[i];
      const auto value = [&](std::size_t rank) { return rank == own_ ? mine : others[rank][i]; };
      T sum = value(0);
      for (std::size_t rank = 1; rank < ranks_; ++rank) sum += value(rank);
      sums[i] = sum;
    }
  }

  void share_sums() {
    Exchange exchange{.hop = rank_sum_hop, .sends = {}, .receives = {}};
    for (std::size_t peer = 0; peer < ranks_; ++peer) {
      if (peer == own_) continue;
      add(exchange.sends, peer, part(own_));
      add(exchange.receives, peer, part(peer));
    }
    finish(std::move(exchange));
  }

  static void add(std::vector<Message>& messages, std::size_t peer, std::span<T> elements) {
    if (elements.empty()) return;
    const auto bytes = static_cast<std::int64_t>(elements.size_bytes());
    messages.push_back({static_cast<int>(peer), {{reinterpret_cast<std::byte*>(elements.data()), 1, bytes, bytes}}});
  }

  void finish(Exchange exchange) {
    const Ticket ticket = communicator_.post(std::move(exchange));
    communicator_.wait_received(ticket);
    communicator_.wait_sent(ticket);
  }

  Communicator& communicator_;
  std::span<T> values_;
  std::size_t ranks_;
  std::size_t own_;
};

template <typename T>
void sum(Communicator& communicator, std::span<T> values) {
  check_counts(communicator, values.size());
  RankSum<T>(communicator, values).run();
}

}  // namespace

void sum_over_ranks(Communicator& communicator, std::span<float> values) { sum(communicator, values); }
void sum_over_ranks(Communicator& communicator, std::span<double> values) { sum(communicator, values); }

}  // namespace ringattn
