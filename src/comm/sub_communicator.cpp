#include "comm/sub_communicator.h"

#include "config/error.h"

#include <algorithm>
#include <string>
#include <utility>

namespace ringattn {
namespace {

int place_in(const std::vector<int>& members, const Communicator& parent) {
  std::vector<bool> seen(static_cast<std::size_t>(parent.world_size()));
  for (const int member : members) {
    const bool is_rank = member >= 0 && member < parent.world_size();
    if (!is_rank || seen[static_cast<std::size_t>(member)])
      throw UsageError("members: " + std::to_string(member) + " must be a rank of 0 … " +
                       std::to_string(parent.world_size() - 1) + ", named once");
    seen[static_cast<std::size_t>(member)] = true;
  }
  const auto own = std::find(members.begin(), members.end(), parent.rank());
  if (own == members.end())
    throw UsageError("members: rank " + std::to_string(parent.rank()) + " must be among the members of its group");
  return static_cast<int>(own - members.begin());
}

}  // namespace

SubCommunicator::SubCommunicator(Communicator& parent, std::vector<int> members)
    : Communicator(place_in(members, parent), static_cast<int>(members.size())),
      parent_(parent),
      members_(std::move(members)) {}

Ticket SubCommunicator::do_post(Exchange exchange) {
  for (std::vector<Message>* messages : {&exchange.sends, &exchange.receives}) {
    for (Message& message : *messages) message.peer = members_[static_cast<std::size_t>(message.peer)];
  }
  return forward_post(parent_, std::move(exchange));
}

std::vector<std::int64_t> SubCommunicator::do_all_gather_value(std::int64_t value) {
  const std::vector<std::int64_t> all = parent_.all_gather_value(value);
  std::vector<std::int64_t> own;
  for (const int member : members_) own.push_back(all[static_cast<std::size_t>(member)]);
  return own;
}

std::vector<int> group_of(int rank, int world_size, int size, bool is_strided) {
  const int step = is_strided ? world_size / size : 1;
  const int first = is_strided ? rank % step : rank / size * size;
  std::vector<int> members;
  for (int i = 0; i < size; ++i) members.push_back(first + i * step);
  return members;
}

}  // namespace ringattn
