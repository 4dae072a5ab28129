// What a ProcessHub does with the messages of an exchange: they go out, come in, and are withdrawn.

#include "comm/process_exchange.h"
#include "comm/process_hub.h"
#include "comm/row_copy.h"
#include "comm/words.h"
#include "config/error.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace ringattn {
namespace {

/// Rows in up to this many runs are sent as they lie; more are packed first.
constexpr std::size_t kRunsMax = 8;

std::string head_of(const Message& message, int hop) { return std::to_string(hop) + " " + shape_of(message.blocks); }

}  // namespace

std::string place_of(int hop) {
  if (hop >= 0) return "hop " + std::to_string(hop);
  return hop == all_gather_hop ? "all_gather" : "the gathering of results";
}

Ticket ProcessHub::post(Exchange exchange, bool is_counted) {
  check();
  alarm_.set_place(place_of(exchange.hop));
  copy_own(exchange);
  const auto pending = std::make_shared<ProcessExchange>(shared_from_this(), exchange);
  const auto transfer_of = [&](Message& message) {
    auto transfer = std::make_shared<Transfer>();
    transfer->message = std::move(message);
    transfer->hop = exchange.hop;
    transfer->is_counted = is_counted;
    return transfer;
  };
  for (Message& message : exchange.receives) {
    if (message.peer == rank_) continue;
    const int peer = message.peer;
    pending->receives.push_back(transfer_of(message));
    {
      const Lock lock(mutex_);
      lane(peer, exchange.channel).queue.push_back(pending->receives.back());
    }
    take_next(peer, exchange.channel);
  }
  for (Message& message : exchange.sends) {
    if (message.peer == rank_) continue;
    const int peer = message.peer;
    pending->sends.push_back(transfer_of(message));
    send(peer, exchange.channel, pending->sends.back());
  }
  return pending;
}

/// Messages to itself are copies.
void ProcessHub::copy_own(const Exchange& exchange) const {
  std::vector<const Message*> sent, received;
  for (const Message& message : exchange.sends)
    if (message.peer == rank_) sent.push_back(&message);
  for (const Message& message : exchange.receives)
    if (message.peer == rank_) received.push_back(&message);
  for (std::size_t i = 0; i < std::max(sent.size(), received.size()); ++i) {
    if (i >= sent.size() || i >= received.size() || !same_rows(sent[i]->blocks, received[i]->blocks))
      throw RuntimeFailure(rank_name(rank_) + ": what it sends to itself at " + place_of(exchange.hop) +
                           " is not what it receives");
    copy_rows(sent[i]->blocks, received[i]->blocks);
  }
}

void ProcessHub::send(int peer, Channel channel, const TransferPtr& transfer) {
  std::vector<std::span<std::byte>> runs = runs_of(transfer->message.blocks);
  if (runs.size() > kRunsMax) {
    transfer->packed = ByteBuffer(static_cast<std::size_t>(transfer->message.bytes()));
    join_runs(runs, transfer->packed.span());
    runs = {transfer->packed.span()};
  }
  {
    const Lock lock(mutex_);
    transfer->is_in_flight = true;
  }
  links_->send(peer, channel, head_of(transfer->message, transfer->hop), {runs.begin(), runs.end()},
               [this, peer, transfer](const std::string& error) {
                 if (!error.empty()) alarm_.lose_rows(peer, error);
                 const Lock lock(mutex_);
                 transfer->is_in_flight = false;
                 transfer->is_done = error.empty();
                 bell_.notify_all();
               });
}

void ProcessHub::take_next(int peer, Channel channel) {
  {
    const Lock lock(mutex_);
    Lane& own = lane(peer, channel);
    if (own.is_busy || own.queue.empty()) return;
    own.is_busy = true;
  }
  links_->expect(peer, channel,
                 [this, peer, channel](const std::string& error, const ProcessLinks::Incoming& incoming) {
                   if (error.empty()) return take(peer, channel, incoming);
                   end_take(peer, channel, nullptr, error);
                 });
}

void ProcessHub::take(int peer, Channel channel, const ProcessLinks::Incoming& incoming) {
  TransferPtr transfer;
  std::string refused;
  std::vector<std::span<std::byte>> pieces;
  {
    const Lock lock(mutex_);
    const Lane& own = lane(peer, channel);
    if (!own.queue.empty()) transfer = own.queue.front();
    try {
      if (transfer == nullptr) throw RuntimeFailure("its receive has been withdrawn");
      if (const std::string differs = mismatch(*transfer, incoming.head); !differs.empty())
        throw RuntimeFailure(differs);
      transfer->targets.emplace(runs_of(transfer->message.blocks), incoming.piece_bytes);
      pieces = transfer->targets->pieces();
      transfer->is_in_flight = true;
    } catch (const std::exception& error) {
      refused = rank_name(rank_) + ": receive from " + rank_name(peer) +
                (transfer != nullptr ? " at " + place_of(transfer->hop) : "") + ": " + error.what();
    }
  }
  if (!refused.empty()) {
    alarm_.fail(refused);
    return end_take(peer, channel, nullptr, refused);
  }
  links_->receive(peer, channel, std::move(pieces), [this, peer, channel, transfer](const std::string& error) {
    end_take(peer, channel, transfer, error);
  });
}

/// `transfer` is null where the message never began to be written.
void ProcessHub::end_take(int peer, Channel channel, const TransferPtr& transfer, const std::string& error) {
  if (!error.empty()) alarm_.lose_rows(peer, error);
  {
    const Lock lock(mutex_);
    Lane& own = lane(peer, channel);
    if (transfer != nullptr) transfer->is_in_flight = false;
    if (transfer != nullptr && error.empty()) {
      transfer->is_done = true;
      std::erase(own.queue, transfer);
      if (transfer->is_counted) count(peer, *transfer);
    }
    // After an error the lane takes nothing more.
    own.is_busy = !error.empty();
    bell_.notify_all();
  }
  take_next(peer, channel);
}

std::string ProcessHub::mismatch(const Transfer& expected, const std::string& head) const {
  const std::string own = head_of(expected.message, expected.hop);
  if (own == head) return "";
  const auto words = [](const std::string& of) {
    const std::size_t space = of.find(' ');
    const std::string rows = of.substr(space + 1);
    return (rows.empty() ? "no" : rows) + " bytes at " + place_of(std::stoi(of));
  };
  const int peer = expected.message.peer;
  return rank_name(peer) + " sends " + words(head) + ", " + rank_name(rank_) + " expects " + words(own) +
         "; both must name the same hop and the same row sizes";
}

void ProcessHub::count(int from, const Transfer& transfer) {
  TrafficRecord& record =
      traffic_.try_emplace({from, rank_, transfer.hop}, TrafficRecord{from, rank_, transfer.hop, 0, 0}).first->second;
  for (const std::span<std::byte> piece : transfer.targets->pieces())
    record.bytes += static_cast<std::int64_t>(piece.size());
  ++record.messages;
}

/// Of an exchange that is over nothing is left to do. One that is not cannot be called back one by one: its connections
/// end, and with them the run, with the error that unwinds here or, where none does, with this one.
void ProcessHub::withdraw(ProcessExchange& exchange) {
  const auto any = [&](bool Transfer::*flag, bool value) {
    const auto has = [&](const TransferPtr& t) { return (*t).*flag == value; };
    return std::any_of(exchange.sends.begin(), exchange.sends.end(), has) ||
           std::any_of(exchange.receives.begin(), exchange.receives.end(), has);
  };
  Lock lock(mutex_);
  if (!any(&Transfer::is_done, false)) return;
  lock.unlock();
  if (std::uncaught_exceptions() == 0 && !alarm_.is_raised())
    alarm_.fail(rank_name(rank_) + ": withdrew a message of " + place_of(exchange.hop));
  links_->cut_rows();
  lock.lock();
  for (const TransferPtr& transfer : exchange.receives)
    std::erase(lane(transfer->message.peer, exchange.channel).queue, transfer);
  bell_.wait(lock, [&] { return !any(&Transfer::is_in_flight, true); });
}

}  // namespace ringattn
