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
                                 at::ScalarType type, const KeyValue& own, Communicator& communicator,
                                 CompressionError* compression, GradientWatch* watch)
    : plan_(plan),
      returns_(returns),
      shape_(shape),
      type_(type),
      wire_(compression != nullptr && type == at::kFloat ? at::kBFloat16 : type),
      compression_(compression),
      watch_(watch),
      own_(own),
      communicator_(communicator) {
  shape_.gradient_bytes = static_cast<std::int64_t>(c10::elementSize(wire_));
  std::int64_t sizes[2] = {0, 0};
  for (std::size_t i = 0; i < plan.steps.size(); ++i)
    sizes[Plan::buffer_of(i)] = std::max(sizes[Plan::buffer_of(i)], sum_bytes(plan.steps[i], shape));
  const at::Device device = own.key.defined() ? own.key.device() : at::Device(at::kCPU);
  for (int i = 0; i < 2; ++i) buffers_[i] = bytes(sizes[i], device);
  incoming_ = bytes(backward_cost_of(plan, returns, shape_).incoming_bytes, device);
}

const std::vector<KeyValue>& GradientReturns::begin(const Step& step, std::size_t index) {
  const int buffer = Plan::buffer_of(index);
  free_sent(buffer);
  buffer_ = buffer;
  if (buffers_[buffer].defined()) buffers_[buffer].narrow(0, 0, sum_bytes(step, shape_)).zero_();
  sums_ = regions_in(buffers_[buffer], step, shape_, type_, {});
  return sums_;
}

void GradientReturns::pass_on(const Step& step, std::size_t index) {
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
  for (const int buffer : {0, 1}) free_sent(buffer);
}

void GradientReturns::free_sent(int buffer) {
  if (sent_from_[buffer]) communicator_.wait_sent(std::exchange(sent_from_[buffer], nullptr));
  outgoing_[buffer].clear();
}

/// These rows as they travel, packed.
at::Tensor GradientReturns::rounded(const at::Tensor& sum, std::int64_t head, const TransferPart& part) {
  std::vector<at::Tensor> runs;
  for (const Rows& run : part.source.rows) {
    if (run.count > 0)
      runs.push_back(sum.narrow(2, head, part.heads.size())
                         .slice(1, run.first, run.first + (run.count - 1) * run.step + 1, run.step));
  }
  at::Tensor rounded =
      at::empty({shape_.batch, part.positions(), part.heads.size(), shape_.head_dim}, sum.options().dtype(wire_));
  std::int64_t first = 0;
  for (const at::Tensor& run : runs) {
    const at::Tensor place = rounded.narrow(1, first, run.size(1));
    place.copy_(run);
    first += run.size(1);
    compression_->error_squares += (run - place).square().sum().item<double>();
    compression_->value_squares += run.square().sum().item<double>();
  }
  return rounded;
}

std::vector<Message> GradientReturns::packed(const std::vector<Transfer>& transfers,
                                             const std::vector<KeyValue>& sums) {
  std::vector<Message> messages;
  for (const Transfer& transfer : transfers) {
    Message& message = messages.emplace_back(Message{.peer = transfer.peer, .blocks = {}});
    for (const TransferPart& part : transfer.parts) {
      const int region = part.source.region;
      const KeyValue& sum = region == RowSource::kOwn ? own_ : sums[static_cast<std::size_t>(region)];
      const std::int64_t head = part.heads.begin - sum.head_begin;
      outgoing_[buffer_].push_back(
          {rounded(sum.key, head, part), rounded(sum.value, head, part), {}, part.heads.begin});
      const TransferPart all{part.heads, {region, {Rows{.first = 0, .count = part.positions()}}}};
      add_blocks(message.blocks, outgoing_[buffer_].back(), all);
    }
  }
  return messages;
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
  pending_hop_ = exchange.hop;
  pending_ = communicator_.post(
      {.hop = counted_hop(plan_, exchange),
       .channel = Channel::gradients,
       .sends = wire_ == type_ ? messages_of(exchange.sends, own_, sums) : packed(exchange.sends, sums),
       .receives = std::move(receives)});
}

std::vector<Message> GradientReturns::expect(const Return& exchange) {
  std::vector<Message> messages;
  std::int64_t offset = 0;
  const auto take = [&](const TransferPart& part) {
    const std::vector<std::int64_t> sizes{shape_.batch, part.positions(), part.heads.size(), shape_.head_dim};
    const std::int64_t count = c10::multiply_integers(sizes) * shape_.gradient_bytes;
    offset += count;
    return incoming_.narrow(0, offset - count, count).view(wire_).view(sizes);
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
    add_runs(sum.key, head, place.rows, arrival.rows.key.to(type_));
    add_runs(sum.value, head, place.rows, arrival.rows.value.to(type_));
  }
  arrivals_.clear();
  pending_.reset();
  if (watch_ != nullptr) watch_->after_return(pending_hop_, own_);
}

}  // namespace ringattn
