#include "attention/gradient_returns.h"

#include "attention/receive_buffers.h"
#include "attention/ring_walk.h"
#include "attention/row_sums.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace ringattn {
namespace {

at::Tensor bytes(std::int64_t count, const at::Device& device) {
  return count > 0 ? at::empty({count}, at::TensorOptions().dtype(at::kByte).device(device)) : at::Tensor();
}

}  // namespace

GradientReturns::GradientReturns(const Plan& plan, const std::vector<Return>& returns, const CostShape& shape,
                                 at::ScalarType type, const KeyValue& own, Communicator& communicator)
    : plan_(plan), returns_(returns), shape_(shape), type_(type), own_(own), communicator_(communicator) {
  std::int64_t sizes[2] = {0, 0};
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    sizes[Plan::buffer_of(i)] = std::max(sizes[Plan::buffer_of(i)], sum_bytes(plan.steps[i], shape));
  const at::Device device = own.key.defined() ? own.key.device() : at::Device(at::kCPU);
  for (int i = 0; i < 2; ++i) buffers_[i] = bytes(sizes[i], device);
  incoming_ = bytes(backward_cost_of(plan, returns, shape).incoming_bytes, device);
}

const std::vector<KeyValue>& GradientReturns::begin(const Step& step, std::size_t index) {
  const int buffer = Plan::buffer_of(index);
  if (sent_from_[buffer]) communicator_.wait_sent(std::exchange(sent_from_[buffer], nullptr));
  if (buffers_[buffer].defined()) buffers_[buffer].narrow(0, 0, sum_bytes(step, shape_)).zero_();
  sums_ = regions_in(buffers_[buffer], step, shape_, type_, {});
  return sums_;
}

void GradientReturns::end(const Step& step, std::size_t index) {
  settle();
  if (next_ < returns_.size() && returns_[next_].hop == step.hop) {
    post(sums_);
    sent_from_[Plan::buffer_of(index)] = pending_;
  }
  // Before this rank waits for keys of a later hop: those may come from one that waits for these to be taken.
  if (index + 1 < plan_.steps.size()) post_before(plan_.steps[index + 1].hop);
}

void GradientReturns::finish() {
  post_before(std::numeric_limits<int>::max());
  settle();
  for (Ticket& ticket : sent_from_) {
    if (ticket) communicator_.wait_sent(std::exchange(ticket, nullptr));
  }
}

/// Returns of hops at which this rank has no step: rows come home, and nothing leaves.
void GradientReturns::post_before(int hop) {
  while (next_ < returns_.size() && returns_[next_].hop < hop) {
    settle();
    post({});
  }
}

void GradientReturns::post(const std::vector<KeyValue>& sums) {
  const Return& exchange = returns_[next_++];
  std::vector<Message> receives = expect(exchange);
  pending_ = communicator_.post({.hop = counted_hop(plan_, exchange),
                                 .channel = Channel::gradients,
                                 .sends = messages_of(exchange.sends, own_, sums),
                                 .receives = std::move(receives)});
}

std::vector<Message> GradientReturns::expect(const Return& exchange) {
  std::vector<Message> messages;
  std::int64_t offset = 0;
  const auto take = [&](const TransferPart& part) {
    const std::vector<std::int64_t> sizes{shape_.batch, part.positions(), part.heads.size(), shape_.head_dim};
    const std::int64_t count = c10::multiply_integers(sizes) * shape_.state_bytes;
    offset += count;
    return incoming_.narrow(0, offset - count, count).view(type_).view(sizes);
  };
  for (const Transfer& transfer : exchange.receives) {
    Message& message = messages.emplace_back(Message{.peer = transfer.peer, .blocks = {}});
    for (const TransferPart& part : transfer.parts) {
      const at::Tensor key = take(part), value = take(part);
      arrivals_.push_back({part, {key, value, {}, part.heads.begin}});
      const TransferPart packed{part.heads, {part.source.region, {Rows{.first = 0, .count = part.positions()}}}};
      add_blocks(message.blocks, arrivals_.back().rows, packed);
    }
  }
  return messages;
}

void GradientReturns::settle() {
  if (!pending_) return;
  communicator_.wait_received(pending_);
  for (const Arrival& arrival : arrivals_) {
    const RowSource& place = arrival.part.source;
    const KeyValue& sum = place.region == RowSource::kOwn ? own_ : sums_[static_cast<std::size_t>(place.region)];
    const std::int64_t head = arrival.part.heads.begin - sum.head_begin;
    add_runs(sum.key, head, place.rows, arrival.rows.key);
    add_runs(sum.value, head, place.rows, arrival.rows.value);
  }
  arrivals_.clear();
  pending_.reset();
}

}  // namespace ringattn
