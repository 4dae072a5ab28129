#include "comm/process_group.h"

#include "comm/process_hub.h"

#include <algorithm>
#include <set>
#include <utility>

namespace ringattn {
namespace {

/// The hop of results on their way to rank 0. They are no traffic of the ring.
constexpr int kGatherHop = -2;

Block block_of(std::span<std::byte> bytes) {
  const auto size = static_cast<std::int64_t>(bytes.size());
  return {bytes.data(), size > 0 ? 1 : 0, size, size};
}

}  // namespace

ProcessGroup::ProcessGroup(std::unique_ptr<ProcessLinks> links, std::chrono::milliseconds deadline)
    : hub_(std::make_shared<ProcessHub>(std::move(links), deadline)) {
  hub_->start();
}

ProcessGroup::~ProcessGroup() { hub_->leave(); }

int ProcessGroup::rank() const { return hub_->links().rank(); }

int ProcessGroup::size() const { return hub_->links().size(); }

int ProcessGroup::on_this_host(int members) const {
  int count = 0;
  for (int rank = 0; rank < std::min(members, size()); ++rank)
    count += rank == this->rank() || hub_->links().shares_host(rank) ? 1 : 0;
  return count;
}

std::string ProcessGroup::carrier() const {
  std::set<std::string> carriers;
  for (int peer = 0; peer < size(); ++peer) {
    if (peer != rank()) carriers.insert(hub_->links().carrier(peer));
  }
  std::string words;
  for (const std::string& each : carriers) words += (words.empty() ? "" : ", ") + each;
  return words;
}

void ProcessGroup::set_subject(std::string subject) { hub_->set_subject(std::move(subject)); }

bool ProcessGroup::any_of(bool here) {
  const std::vector<std::int64_t> all =
      hub_->all_gather_value(size(), here ? 1 : 0, "a common decision", ProcessHub::Patience::life);
  return std::find(all.begin(), all.end(), 1) != all.end();
}

std::int64_t ProcessGroup::of_first(std::int64_t here) {
  return hub_->all_gather_value(size(), here, "a decision of rank 0", ProcessHub::Patience::life).front();
}

std::vector<std::vector<std::byte>> ProcessGroup::gather(int members, std::span<const std::byte> own) {
  if (rank() >= members) return {};
  const std::vector<std::int64_t> sizes = hub_->all_gather_value(
      members, static_cast<std::int64_t>(own.size()), "the gathering of results", ProcessHub::Patience::life);
  std::vector<std::vector<std::byte>> gathered;
  Exchange exchange{.hop = kGatherHop, .sends = {}, .receives = {}};
  std::vector<std::byte> mine(own.begin(), own.end());
  if (rank() != 0) {
    exchange.sends.push_back({0, {block_of(mine)}});
  } else {
    gathered.resize(static_cast<std::size_t>(members));
    for (int peer = 1; peer < members; ++peer) {
      const auto at = static_cast<std::size_t>(peer);
      gathered[at].resize(static_cast<std::size_t>(sizes[at]));
      exchange.receives.push_back({peer, {block_of(gathered[at])}});
    }
  }
  const Ticket ticket = hub_->post(std::move(exchange), false);
  hub_->wait_received(ticket);
  hub_->wait_sent(ticket);
  if (rank() == 0) gathered.front() = std::move(mine);
  return gathered;
}

void ProcessGroup::fail(const std::string& reason) { hub_->fail(reason); }

}  // namespace ringattn
