#include "comm/communicator.h"

#include "comm/row_copy.h"
#include "comm/words.h"
#include "config/error.h"

namespace ringattn {
namespace {

void check_peer(int rank, int world_size, int peer, const char* verb) {
  if (peer >= 0 && peer < world_size && peer != rank) return;
  throw RuntimeFailure(rank_name(rank) + ": " + verb + " rank " + std::to_string(peer) +
                       ": the peer must be another rank of 0 … " + std::to_string(world_size - 1));
}

void check_block(int rank, const Block& block, const char* what) {
  const std::string where = rank_name(rank) + ": " + what + ": ";
  if (block.rows < 0 || block.row_bytes < 0) {
    throw RuntimeFailure(where + std::to_string(block.rows) + " rows of " + std::to_string(block.row_bytes) +
                         " bytes: sizes must not be negative");
  }
  if (block.bytes() > 0 && block.data == nullptr) {
    throw RuntimeFailure(where + "data is null, but the block has " + std::to_string(block.rows) + " rows");
  }
  if (block.rows > 1 && block.row_stride_bytes < block.row_bytes) {
    throw RuntimeFailure(where + "rows are " + std::to_string(block.row_stride_bytes) + " bytes apart, but a row has " +
                         std::to_string(block.row_bytes) + " bytes");
  }
}

void check_messages(int rank, int world_size, const std::vector<Message>& messages, const char* verb) {
  for (const Message& message : messages) {
    check_peer(rank, world_size, message.peer, verb);
    for (const Block& block : message.blocks) check_block(rank, block, verb);
  }
}

/// Adds the time that it lives.
class AddTime {
 public:
  explicit AddTime(std::int64_t& sum_ns) : sum_ns_(sum_ns), begin_(std::chrono::steady_clock::now()) {}
  ~AddTime() { sum_ns_ += std::chrono::nanoseconds(std::chrono::steady_clock::now() - begin_).count(); }
  AddTime(const AddTime&) = delete;
  AddTime& operator=(const AddTime&) = delete;

 private:
  std::int64_t& sum_ns_;
  std::chrono::steady_clock::time_point begin_;
};

}  // namespace

Ticket Communicator::post(Exchange exchange) {
  if (exchange.hop < 0) {
    throw RuntimeFailure(rank_name(rank_) + ": hop " + std::to_string(exchange.hop) + " must not be negative");
  }
  check_messages(rank_, world_size_, exchange.sends, "send to");
  check_messages(rank_, world_size_, exchange.receives, "receive from");
  return do_post(std::move(exchange));
}

void Communicator::wait_received(const Ticket& ticket) {
  if (!ticket) throw RuntimeFailure(rank_name(rank_) + ": wait_received needs a posted exchange, got none");
  const AddTime waits(waited_ns_);
  do_wait_received(ticket);
}

void Communicator::wait_sent(const Ticket& ticket) {
  if (!ticket) throw RuntimeFailure(rank_name(rank_) + ": wait_sent needs a posted exchange, got none");
  const AddTime waits(waited_ns_);
  do_wait_sent(ticket);
}

void Communicator::all_gather(const Block& own, std::span<const Block> gathered) {
  if (gathered.size() != static_cast<std::size_t>(world_size_)) {
    throw RuntimeFailure(rank_name(rank_) + ": all_gather got " + std::to_string(gathered.size()) +
                         " target blocks, needs one per rank: " + std::to_string(world_size_));
  }
  check_block(rank_, own, "all_gather");
  for (const Block& block : gathered) check_block(rank_, block, "all_gather");
  const Block& mine = gathered[static_cast<std::size_t>(rank_)];
  if (!same_rows({&own, 1}, {&mine, 1})) {
    throw RuntimeFailure(rank_name(rank_) + ": all_gather: own block has " + std::to_string(own.bytes()) +
                         " bytes, its target " + std::to_string(mine.bytes()));
  }
  Exchange exchange{.hop = all_gather_hop, .sends = {}, .receives = {}};
  // A message to itself is a copy on whatever carries rows here, and no traffic.
  if (mine.data != own.data) {
    exchange.sends.push_back({rank_, {own}});
    exchange.receives.push_back({rank_, {mine}});
  }
  // Peers in a different order on every rank, so that not all begin with rank 0.
  for (int step = 1; step < world_size_; ++step) {
    const int next = (rank_ + step) % world_size_;
    const int previous = (rank_ - step + world_size_) % world_size_;
    exchange.sends.push_back({next, {own}});
    exchange.receives.push_back({previous, {gathered[static_cast<std::size_t>(previous)]}});
  }
  const AddTime waits(waited_ns_);
  const Ticket ticket = do_post(std::move(exchange));
  do_wait_received(ticket);
  do_wait_sent(ticket);
}

std::vector<std::int64_t> Communicator::all_gather_value(std::int64_t value) { return do_all_gather_value(value); }

void Communicator::barrier() { do_barrier(); }

void Communicator::abort(const std::string& reason) { do_abort(reason); }

}  // namespace ringattn
