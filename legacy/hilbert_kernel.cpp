#include "legacy/hilbert_kernel.h"

#include "config/error.h"
#include "legacy/curves.h"
#include "legacy/raises.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace ringattn::legacy {
namespace {

constexpr double hidden_score = -1e9;

/// (batch, heads, rows, dim), `features` of them.
FullInputs by_head(const FullInputs& inputs, std::int64_t features) {
  const auto turned = [&](const at::Tensor& tensor) { return tensor.transpose(1, 2).narrow(3, 0, features); };
  return {turned(inputs.query), turned(inputs.key), turned(inputs.value)};
}

double scale_of(const FullInputs& inputs) { return 1.0 / std::sqrt(static_cast<double>(inputs.query.size(3))); }

/// Pointers of one block: keys (offsets, block rows), whether they exist, and the rows that ask.
struct Block {
  at::Tensor keys, is_key, queries, is_query;
};

/// `starts`: the first slot of each slot's segment.
Block block_of(const KernelLaunch& launch, const at::Tensor& slots, const at::Tensor& starts, std::int64_t offsets) {
  const std::int64_t rows = launch.order.size(0);
  const at::Tensor keys = starts.unsqueeze(0) + at::arange(offsets).unsqueeze(1) * launch.dilation_rate;
  const at::Tensor is_key = keys < rows;
  const at::Tensor row_of_key = launch.order.index({at::where(is_key, keys, at::zeros_like(keys))});
  const at::Tensor row_of_query = launch.order.index({slots.clamp_max(rows - 1)});
  return {row_of_key, is_key, row_of_query, slots < rows};
}

/// (batch, heads, offsets, features): feature d of the key that the block's row d points to.
at::Tensor load_keys(const at::Tensor& rows, const Block& block) {
  const std::int64_t features = rows.size(3);
  const at::Tensor index = block.keys.narrow(1, 0, features).expand({rows.size(0), rows.size(1), -1, -1});
  return rows.gather(2, index) * block.is_key.narrow(1, 0, features);
}

/// (batch, heads, block rows, offsets), hidden where the row has no such key.
at::Tensor block_scores(const FullInputs& inputs, const Block& block, double scale) {
  const at::Tensor queries = inputs.query.index_select(2, block.queries) * scale;
  at::Tensor scores = at::matmul(queries, load_keys(inputs.key, block).transpose(2, 3));
  const at::Tensor visible = block.is_key.transpose(0, 1).logical_and(block.is_query.unsqueeze(1));
  return scores.masked_fill_(visible.logical_not(), hidden_score);
}

/// The two masks of a block, one a row long and one a head wide, must fit each other.
void require_square_block(std::int64_t block_rows, std::int64_t features) {
  if (block_rows == features && is_power_of_two(block_rows)) return;
  if (!is_power_of_two(block_rows) || !is_power_of_two(features)) {
    throw LegacyRaises("InterpreterError", "ValueError(\"arange's range must be a power of 2\")");
  }
  throw LegacyRaises("InterpreterError",
                     "ValueError('Cannot make_shape_compatible: incompatible dimensions at index 0: " +
                         std::to_string(block_rows) + " and " + std::to_string(features) + "')");
}

at::Tensor segment_starts(const at::Tensor& places, std::int64_t segment) {
  return at::floor_divide(places, segment) * segment;
}

}  // namespace

at::Tensor key_maximum_kernel(const FullInputs& inputs, const KernelLaunch& launch) {
  const std::int64_t features = std::min<std::int64_t>(64, inputs.query.size(3));
  require_square_block(launch.block_rows, features);
  const FullInputs heads = by_head(inputs, features);
  const std::int64_t rows = inputs.seq_len();
  at::Tensor out = at::zeros_like(inputs.query);
  const std::int64_t offsets = (launch.segment_size + launch.dilation_rate - 1) / launch.dilation_rate;
  for (std::int64_t first = 0; first < rows; first += launch.block_rows) {
    const at::Tensor slots = at::arange(first, first + launch.block_rows);
    const Block block = block_of(launch, slots, segment_starts(slots, launch.segment_size), offsets);
    const at::Tensor scores = block_scores(heads, block, scale_of(inputs));
    const at::Tensor exists = block.is_key.any(1).to(scores.scalar_type());  // a key that no row has is passed over
    const at::Tensor weights = (scores - scores.amax(2, true)).exp() * exists;
    const at::Tensor mixed = at::matmul(weights, load_keys(heads.value, block)) / (weights.sum(-1, true) + 1e-10);
    const std::int64_t count = std::min(launch.block_rows, rows - first);
    out.narrow(1, first, count).narrow(3, 0, features).copy_(mixed.transpose(1, 2).narrow(1, 0, count));
  }
  return out;
}

at::Tensor unshifted_kernel(const FullInputs& inputs, const KernelLaunch& launch, bool segments_by_row) {
  const std::int64_t features = std::min<std::int64_t>(64, inputs.query.size(3));
  require_square_block(launch.block_rows, features);
  const FullInputs heads = by_head(inputs, features);
  const std::int64_t rows = inputs.seq_len();
  at::Tensor out = at::zeros_like(inputs.query);
  for (std::int64_t first = 0; first < rows; first += launch.block_rows) {
    const at::Tensor slots = at::arange(first, first + launch.block_rows);
    at::Tensor places = slots;  // a slot beyond the last row loads 0 for its row
    if (segments_by_row) places = at::where(slots < rows, launch.order.index({slots.clamp_max(rows - 1)}), 0);
    const Block block = block_of(launch, slots, segment_starts(places, launch.segment_size),
                                 launch.segment_size / launch.dilation_rate);
    const at::Tensor weights = block_scores(heads, block, scale_of(inputs)).exp();
    const at::Tensor mixed = at::matmul(weights, load_keys(heads.value, block)) / (weights.sum(-1, true) + 1e-6);
    const std::int64_t count = std::min(launch.block_rows, rows - first);
    out.narrow(3, 0, features)
        .index_copy_(1, block.queries.narrow(0, 0, count), mixed.transpose(1, 2).narrow(1, 0, count));
  }
  return out;
}

at::Tensor growing_kernel(const FullInputs& inputs, const KernelLaunch& launch) {
  const std::int64_t rows = inputs.seq_len();
  const std::int64_t features = inputs.query.size(3);
  const bool is_ordered = launch.order.defined();
  const at::Tensor order = is_ordered ? launch.order : at::arange(rows);
  if (!order.argsort().argsort().equal(order) || features < 32 || features > 256 || !is_power_of_two(features)) {
    throw Unavailable("the kernel reads or leaves memory that nobody wrote: the order of " + std::to_string(rows) +
                      " rows must be a permutation, and heads have 32, 64, 128 or 256 features");
  }
  const FullInputs heads = by_head(inputs, features);
  const double scale = scale_of(inputs);
  at::Tensor maximum = at::full_like(heads.query.select(3, 0), -std::numeric_limits<double>::infinity());
  at::Tensor sum = at::zeros_like(maximum), weighted = at::zeros_like(heads.query);
  for (std::int64_t start = 0; start < rows; start += launch.segment_size) {
    const std::int64_t end = std::min(start + launch.segment_size, rows);
    for (std::int64_t slot = start; slot < end; slot += launch.dilation_rate) {
      const std::int64_t row = order[slot].item<std::int64_t>();
      at::Tensor scores = (heads.query * heads.key.narrow(2, row, 1)).sum(-1) * scale;
      if (!is_ordered) {
        const at::Tensor places = at::arange(rows);
        scores.masked_fill_((places < start).logical_or(places >= end), -std::numeric_limits<double>::infinity());
      }
      const at::Tensor larger = at::maximum(maximum, scores);
      const at::Tensor weight = (scores - larger).exp();
      const at::Tensor carried = sum * (maximum - larger).exp();
      weighted = weighted * carried.unsqueeze(-1) + weight.unsqueeze(-1) * heads.value.narrow(2, row, 1);
      sum = carried + weight;
      maximum = larger;
    }
  }
  const at::Tensor out = (weighted / (sum.unsqueeze(-1) + (is_ordered ? 0.0 : 1e-6))).transpose(1, 2);
  return at::empty_like(inputs.query).index_copy_(1, order, out);
}

}  // namespace ringattn::legacy
