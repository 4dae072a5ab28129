#include "ring/projected_ring.h"

#include "ring/own_rows.h"

#include <utility>

namespace ringattn {
namespace {

/// The ring's function as whoever gives x sees it: as many heads of x for keys as for queries.
AttentionFunction of_x(AttentionFunction function) {
  function.kv_heads = 0;
  return function;
}

}  // namespace

std::string_view to_string(ProjectionOrder order) {
  return order == ProjectionOrder::split_first ? "split_first" : "project_first";
}

ProjectedRing::ProjectedRing(RingAttention& ring, FusedProjection layers, ProjectionOrder order)
    : Attention(of_x(ring.function())), ring_(ring), layers_(std::move(layers)), order_(order) {}

Positions ProjectedRing::do_query_positions(int rank, int world_size) const {
  return ring_.query_positions(rank, world_size);
}

Positions ProjectedRing::do_key_positions(int rank, int world_size) const {
  if (order_ == ProjectionOrder::split_first) return ring_.key_positions(rank, world_size);
  return {{.first = 0, .count = function().seq_len, .step = 1}};
}

Partial ProjectedRing::do_forward(Communicator& communicator, const RankInputs& inputs) {
  const bool is_whole = order_ == ProjectionOrder::project_first;
  const FusedProjection layers = layers_.on(inputs.query.device());
  const FusedProjection::Heads heads = layers.project((is_whole ? inputs.key : inputs.query).flatten(-2));
  RankInputs own{heads.query, heads.key, heads.value, inputs.mask};
  if (is_whole) {
    const Positions positions = ring_.query_positions(communicator.rank(), communicator.world_size());
    for (at::Tensor* tensor : {&own.query, &own.key, &own.value}) *tensor = own_rows(*tensor, positions);
    if (function().mask.kind == MaskKind::keys) own.mask = own_rows(own.mask, positions);
  }
  const Partial core = ring_.forward(communicator, own);
  return {layers.project_out(core.out).view(inputs.query.sizes()), {}};
}

}  // namespace ringattn
