#include "compare/seen_keys.h"

#include <ATen/ATen.h>

#include <limits>
#include <utility>

namespace ringattn {
namespace {

MaskShape with_keys(MaskShape shape) {
  if (shape.kind == MaskKind::none) shape.kind = MaskKind::keys;
  return shape;
}

}  // namespace

SeenKeys::SeenKeys(const InputSource& source, at::Tensor seen)
    : InputSource({.batch = source.batch(),
                   .seq_len = source.seq_len(),
                   .heads = source.heads(),
                   .head_dim = source.head_dim(),
                   .kv_heads = source.kv_heads(),
                   .mask = with_keys(source.mask_shape())}),
      source_(source),
      seen_(std::move(seen)) {}

at::Tensor SeenKeys::do_mask(const Positions& positions) const {
  const MaskShape shape = source_.mask_shape();
  const at::Tensor seen =
      shape.kind == MaskKind::scores ? seen_ : seen_.index_select(0, at::tensor(expand(positions), at::kLong));
  if (shape.kind == MaskKind::none) return seen.unsqueeze(0);
  const at::Tensor mask = source_.mask(positions);
  if (!shape.is_additive) return mask.logical_and(seen);
  return mask.masked_fill(seen.logical_not(), -std::numeric_limits<double>::infinity());
}

}  // namespace ringattn
