#include "legacy/full_sequence.h"

#include "config/positions.h"
#include "legacy/autograd.h"
#include "legacy/gather.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <utility>

namespace ringattn::legacy {
namespace {

/// What the rank's own loss says: 0 in the rows that are another rank's share.
at::Tensor of_own_share(const Communicator& communicator, const at::Tensor& grad_out) {
  at::Tensor own = at::zeros_like(grad_out);
  for (const PositionRun& run : contiguous_positions(grad_out.size(1), communicator.rank(), communicator.world_size()))
    own.narrow(1, run.first, run.count).copy_(grad_out.narrow(1, run.first, run.count));
  return own;
}

std::vector<at::Tensor> derivatives_of_own_loss(const Communicator& communicator, const KeptGraphs::Graph& graph,
                                                const at::Tensor& grad_out) {
  return derivatives(graph.out, {graph.query, graph.key, graph.value}, of_own_share(communicator, grad_out));
}

}  // namespace

bool KeptGraphs::are_kept_for(const at::Tensor& query) const { return is_training_ || is_recorded(query); }

KeptGraphs::Graph KeptGraphs::take(int rank, const at::Tensor& out) {
  Graph& graph = graphs_[static_cast<std::size_t>(rank)];
  if (!graph.out.defined() || !graph.out.is_alias_of(out)) return {};
  return std::exchange(graph, {});
}

GatheredAttention::GatheredAttention(AttentionFunction function, Compute compute, int world_size, bool is_training)
    : Attention(std::move(function)), compute_(std::move(compute)), kept_(world_size, is_training) {}

Positions GatheredAttention::do_query_positions(int, int) const { return {{0, function().seq_len, 1}}; }

Positions GatheredAttention::do_key_positions(int rank, int world_size) const {
  return contiguous_positions(function().seq_len, rank, world_size);
}

FullInputs GatheredAttention::gather(Communicator& communicator, const RankInputs& inputs) const {
  const at::NoGradGuard constants;
  const std::int64_t n = function().seq_len;
  const auto all = [&](const at::Tensor& rows) {
    return gather_sequence(communicator, group() == 1 ? rows : rows.repeat_interleave(group(), 2), n);
  };
  FullInputs full{.query = inputs.query, .key = all(inputs.key), .value = all(inputs.value)};
  full.mask = inputs.mask;
  if (function().mask.kind == MaskKind::keys)
    full.mask = gather_sequence(communicator, inputs.mask.unsqueeze(2).unsqueeze(3), n).squeeze(3).squeeze(2);
  return full;
}

KeptGraphs::Graph GatheredAttention::record(const FullInputs& full) const {
  const at::AutoGradMode recorded(true);
  KeptGraphs::Graph graph{leaf(full.query), leaf(full.key), leaf(full.value), {}};
  graph.out = compute_({.query = graph.query, .key = graph.key, .value = graph.value, .mask = full.mask});
  return graph;
}

Partial GatheredAttention::do_forward(Communicator& communicator, const RankInputs& inputs) {
  kept_.drop(communicator.rank());
  const FullInputs full = gather(communicator, inputs);
  if (!kept_.are_kept_for(inputs.query)) return {compute_(full), {}};
  KeptGraphs::Graph graph = record(full);
  const Partial result{graph.out.detach(), {}};
  kept_.keep(communicator.rank(), std::move(graph));
  return result;
}

Gradients GatheredAttention::do_backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                                         const at::Tensor& grad_out) {
  KeptGraphs::Graph graph = kept_.take(communicator.rank(), result.out);
  if (!graph.out.defined()) graph = record(gather(communicator, inputs));
  std::vector<at::Tensor> whole = derivatives_of_own_loss(communicator, graph, grad_out);
  graph = {};
  const at::Tensor query = whole.front();
  whole.erase(whole.begin());
  const std::vector<at::Tensor> own = scatter_sums(communicator, whole);
  const auto grouped = [&](const at::Tensor& rows) {
    return group() == 1 ? rows : rows.unflatten(2, {function().key_heads(), group()}).sum(3);
  };
  return {query, grouped(own[0]), grouped(own[1])};
}

ShippedAttention::ShippedAttention(AttentionFunction intended, Compute compute, KeptGraphs kept,
                                   std::string why_no_backward, BeforeBackward before_backward)
    : Attention(std::move(intended)),
      compute_(std::move(compute)),
      kept_(std::move(kept)),
      why_no_backward_(std::move(why_no_backward)),
      before_backward_(std::move(before_backward)) {}

Positions ShippedAttention::do_query_positions(int, int) const { return {{0, function().seq_len, 1}}; }

Positions ShippedAttention::do_key_positions(int, int) const { return {{0, function().seq_len, 1}}; }

KeptGraphs::Graph ShippedAttention::record(Communicator& communicator, const RankInputs& inputs) const {
  const at::AutoGradMode recorded(true);
  KeptGraphs::Graph graph{leaf(inputs.query), leaf(inputs.key), leaf(inputs.value), {}};
  graph.out =
      compute_(communicator, {.query = graph.query, .key = graph.key, .value = graph.value, .mask = inputs.mask});
  return graph;
}

Partial ShippedAttention::do_forward(Communicator& communicator, const RankInputs& inputs) {
  kept_.drop(communicator.rank());
  if (!kept_.are_kept_for(inputs.query)) {
    FullInputs full{.query = inputs.query, .key = inputs.key, .value = inputs.value};
    full.mask = inputs.mask;
    return {compute_(communicator, full), {}};
  }
  KeptGraphs::Graph graph = record(communicator, inputs);
  const Partial result{graph.out.detach(), {}};
  kept_.keep(communicator.rank(), std::move(graph));
  return result;
}

Gradients ShippedAttention::do_backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                                        const at::Tensor& grad_out) {
  KeptGraphs::Graph graph = kept_.take(communicator.rank(), result.out);
  before_backward_(communicator.world_size(), inputs.query.size(0));
  if (!graph.out.defined()) graph = record(communicator, inputs);
  const std::vector<at::Tensor> own = derivatives_of_own_loss(communicator, graph, grad_out);
  return {own[0], own[1], own[2]};
}

}  // namespace ringattn::legacy
