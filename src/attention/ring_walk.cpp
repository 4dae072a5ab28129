#include "attention/ring_walk.h"

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

void walk_ring(const Plan& plan, const KeyValue& own, const CostShape& shape, Communicator& communicator,
               const WalkOptions& options, const RunStep& run_step) {
  ReceiveBuffers buffers(plan, shape, own.key.device(), options.buffers);
  walk_ring(plan, own, buffers, communicator, options, run_step);
}

void walk_ring(const Plan& plan, const KeyValue& own, ReceiveBuffers& buffers, Communicator& communicator,
               const WalkOptions& options, const RunStep& run_step) {
  std::vector<KeyValue> here;     // regions that the current step's hop brought
  std::vector<KeyValue> leaving;  // regions that the pending exchange sends from
  Ticket pending;
  const auto wait_for_leaving = [&] {
    if (pending) communicator.wait_sent(std::exchange(pending, nullptr));
    leaving.clear();
  };
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const bool has_next = i + 1 < plan.steps.size();
    std::vector<KeyValue> coming;
    Ticket next;
    const auto post_next = [&] {
      if (!has_next) return;
      if (options.streams != nullptr) options.streams->before_post(i + 1);
      // The next hop's buffer was the previous step's; what was sent from there must have been taken.
      wait_for_leaving();
      const Step& step = plan.steps[i + 1];
      coming = buffers.regions(step, i + 1, own);
      // Received rows go into the step's own regions, sent rows come from the own K/V or from the regions before.
      next = communicator.post({.hop = step.hop,
                                .sends = messages_of(step.sends, own, here),
                                .receives = messages_of(step.receives, own, coming)});
    };
    if (options.overlap_communication) post_next();
    if (!has_next && options.buffers.frees_early) {
      wait_for_leaving();
      buffers.keep_only(plan.steps[i], i);
    }
    {
      const TraceSpan span(options.trace, "tiles", "compute", plan.steps[i].hop);
      run_step(plan.steps[i], here);
    }
    if (!options.overlap_communication) post_next();
    if (next && options.streams != nullptr) options.streams->before_wait(i + 1);
    if (next) communicator.wait_received(next);
    if (next) pending = next;
    leaving = std::exchange(here, std::move(coming));
  }
  if (options.streams != nullptr) options.streams->at_end();
  wait_for_leaving();
}

}  // namespace ringattn
