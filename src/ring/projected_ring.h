#pragma once

#include "attention/fused_projection.h"
#include "ring/ring_attention.h"

#include <string_view>

namespace ringattn {

/// Where a rank takes its rows of x.
///   split_first: before it projects them, so that it projects ⌈n/k⌉ rows.
///   project_first: after every rank has projected all n rows, as modules around the old implementations did.
enum class ProjectionOrder { split_first, project_first };
std::string_view to_string(ProjectionOrder order);

/// Ring attention as a module behind the seam that measures attentions: it is given x, its channels split into heads,
/// in the place of query, key and value, and returns the module's rows in the place of out; no lse. split_first is
/// given its own rows, project_first those of all ranks as keys. Cost per rank: the ring's, and query, key and value of
/// the rows that it projects, alive as long as the ring runs.
class ProjectedRing final : public Attention {
 public:
  /// `layers` in the dtype of the inputs; those that lie on another device are copied in each call. The ring must
  /// outlive it.
  ProjectedRing(RingAttention& ring, FusedProjection layers, ProjectionOrder order);

 private:
  Positions do_query_positions(int rank, int world_size) const override;
  Positions do_key_positions(int rank, int world_size) const override;
  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override;

  RingAttention& ring_;
  FusedProjection layers_;
  ProjectionOrder order_;
};

}  // namespace ringattn
