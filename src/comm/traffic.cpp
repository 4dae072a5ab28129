#include "comm/communicator.h"

namespace ringattn {

std::int64_t Message::bytes() const {
  std::int64_t total = 0;
  for (const Block& block : blocks) total += block.bytes();
  return total;
}

std::int64_t Traffic::sent_bytes(int rank) const {
  std::int64_t total = 0;
  for (const TrafficRecord& record : records) total += record.from == rank ? record.bytes : 0;
  return total;
}

std::int64_t Traffic::received_bytes(int rank) const {
  std::int64_t total = 0;
  for (const TrafficRecord& record : records) total += record.to == rank ? record.bytes : 0;
  return total;
}

std::int64_t Traffic::messages(int rank) const {
  std::int64_t total = 0;
  for (const TrafficRecord& record : records) total += record.from == rank ? record.messages : 0;
  return total;
}

}  // namespace ringattn
