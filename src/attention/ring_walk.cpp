#include "attention/ring_walk.h"

#include "attention/receive_buffers.h"

#include <utility>

namespace ringattn {

std::vector<Message> messages_of(const std::vector<Transfer>& transfers, const KeyValue& own,
                                 const std::vector<KeyValue>& regions) {
  std::vector<Message> messages;
  for (const Transfer& transfer : transfers) {
    Message& message = messages.emplace_back(Message{.peer = transfer.peer, .blocks = {}});
    for (const TransferPart& part : transfer.parts) {
      const bool is_own = part.source.region == RowSource::kOwn;
      add_blocks(message.blocks, is_own ? own : regions[static_cast<std::size_t>(part.source.region)], part);
    }
  }
  return messages;
}

void walk_ring(const Plan& plan, const KeyValue& own, const CostShape& shape, Communicator& communicator, bool overlaps,
               const RunStep& run_step) {
  const ReceiveBuffers buffers(plan, shape, own.key.device());
  std::vector<KeyValue> here;  // regions that the current step's hop brought
  Ticket pending;
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const bool has_next = i + 1 < plan.steps.size();
    std::vector<KeyValue> coming;
    Ticket next;
    const auto post_next = [&] {
      if (!has_next) return;
      // The next hop's buffer was the previous step's; what was sent from there must have been taken.
      if (pending) communicator.wait_sent(pending);
      const Step& step = plan.steps[i + 1];
      coming = buffers.regions(step, i + 1, own);
      // Received rows go into the step's own regions, sent rows come from the own K/V or from the regions before.
      next = communicator.post({.hop = step.hop,
                                .sends = messages_of(step.sends, own, here),
                                .receives = messages_of(step.receives, own, coming)});
    };
    if (overlaps) post_next();
    run_step(plan.steps[i], here);
    if (!overlaps) post_next();
    if (next) communicator.wait_received(next);
    if (next) pending = next;
    here = std::move(coming);
  }
  if (pending) communicator.wait_sent(pending);
}

}  // namespace ringattn
