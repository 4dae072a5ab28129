#include "attention/tile_reader.h"

#include "attention/call_bias.h"
#include "attention/running_state.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace ringattn {
namespace {

/// Whether any call of the plan is told where its rows lie.
bool any_reads_positions(const Plan& plan) {
  const auto reads = [&](const PlanTile& tile) { return needs_positions(plan.pattern.function, tile.rule); };
  return std::any_of(plan.steps.begin(), plan.steps.end(),
                     [&](const Step& step) { return std::any_of(step.tiles.begin(), step.tiles.end(), reads); });
}

/// Rows of the source that a call's rows are.
std::vector<std::int64_t> rows_of_call(const Rows& rows, const RowSlice& index) {
  std::vector<std::int64_t> all = expand(rows);
  if (!index.empty()) {
    for (std::int64_t& row : all) row = index.data()[row];
  }
  return all;
}

std::vector<std::int64_t> taken(const std::vector<std::int64_t>& from, std::vector<std::int64_t> rows) {
  for (std::int64_t& row : rows) row = from[static_cast<std::size_t>(row)];
  return rows;
}

}  // namespace

double softmax_scale_of(const AttentionFunction& function, std::int64_t head_dim) {
  return function.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(head_dim)));
}

at::Tensor dim_contiguous(const at::Tensor& tensor) { return tensor.stride(3) == 1 ? tensor : tensor.contiguous(); }

TileReader::TileReader(const Plan& plan, const RankInputs& inputs)
    : plan_(plan),
      function_(plan.pattern.function),
      query_(dim_contiguous(inputs.query)),
      own_{row_contiguous(inputs.key), row_contiguous(inputs.value), {}, 0},
      scale_(softmax_scale_of(function_, inputs.query.size(3))),
      dropout_(kernels::dropout_rule(function_.dropout, function_.dropout_seed)),
      reads_positions_(any_reads_positions(plan)) {
  if (reads_positions_) own_positions_ = expand(plan.layout.positions(plan.rank));
  if (function_.mask.kind == MaskKind::keys) own_.mask = inputs.mask;
  if (function_.mask.kind == MaskKind::scores) scores_mask_ = inputs.mask;
}

CostShape TileReader::cost_shape() const {
  return {.batch = batch(),
          .head_dim = head_dim(),
          .element_bytes = query_.element_size(),
          .state_bytes = static_cast<std::int64_t>(c10::elementSize(state_dtype(query_.scalar_type()))),
          .mask_batch = own_.mask.defined() ? own_.mask.size(0) : 0,
          .mask_bytes = own_.mask.defined() ? own_.mask.element_size() : 1};
}

std::int64_t TileReader::mask_batch() const {
  if (scores_mask_.defined()) return scores_mask_.size(0);
  return own_.mask.defined() ? own_.mask.size(0) : 0;
}

TileRows TileReader::rows_of(const PlanTile& tile, const KeyValue& source) const {
  TileRows rows{.query = query_, .keys = source};
  if (!tile.query_index.empty()) {
    rows.query_index = row_numbers(tile.query_index, query_.device());
    rows.query = packed_rows(query_, tile.heads, rows.query_index);
    rows.query_head_begin = tile.heads.begin;
  }
  if (!tile.key_index.empty()) {
    rows.key_index = row_numbers(tile.key_index, query_.device());
    rows.keys = packed_rows(source, key_heads_of(tile.heads, function_), rows.key_index);
  }
  return rows;
}

TileReader::Positions TileReader::region_positions(const Step& step) const {
  Positions positions;
  if (!reads_positions_) return positions;
  for (const Region& region : step.regions) {
    positions.emplace_back();
    for (const Rows& run : region.positions) {
      const std::vector<std::int64_t> more = expand(run);
      positions.back().insert(positions.back().end(), more.begin(), more.end());
    }
  }
  return positions;
}

const std::vector<std::int64_t>& TileReader::source_positions(const PlanTile& tile, const Positions& positions) const {
  return tile.region == RowSource::kOwn ? own_positions_ : positions[static_cast<std::size_t>(tile.region)];
}

void TileReader::read(const PlanTile& tile, const TileCall& call, const TileRows& rows, const Positions& positions,
                      const std::function<void(const BlockInputs&)>& run) const {
  std::vector<std::int64_t> query_rows, query_positions, key_positions;
  if (needs_positions(function_, tile.rule)) {
    query_rows = rows_of_call(call.query, tile.query_index);
    query_positions = taken(own_positions_, query_rows);
    key_positions = taken(source_positions(tile, positions), rows_of_call(call.key, tile.key_index));
  }
  const CallBias bias = make_call_bias(function_, tile.rule, call, bias_shape(function_, tile.rule, call, mask_batch()),
                                       {.query_positions = query_positions,
                                        .key_positions = key_positions,
                                        .query_rows = query_rows,
                                        .scores_mask = scores_mask_,
                                        .key_mask = rows.keys.mask},
                                       state_dtype(query_.scalar_type()), query_.device());
  BlockInputs inputs{.query = call_view(rows.query, query_heads(call, rows), call.query, call),
                     .key = call_view(rows.keys.key, key_heads(call, rows.keys), call.key, call),
                     .value = call_view(rows.keys.value, key_heads(call, rows.keys), call.key, call),
                     .rule = tile.rule == MaskRule::positions ? MaskRule::full : tile.rule,
                     .softmax_scale = scale_,
                     .bias = bias.bias,
                     .empty_rows = bias.empty_rows,
                     .dropout = {}};
  if (function_.dropout > 0.0)
    inputs.dropout = BlockDropout{dropout_, call.batch_begin, call.heads.begin, query_positions, key_positions};
  run(inputs);
}

HeadView TileReader::query_heads(const TileCall& call, const TileRows& rows) const {
  return {call.heads.begin - rows.query_head_begin, call.heads.size()};
}

HeadView TileReader::key_heads(const TileCall& call, const KeyValue& keys) const {
  const HeadRange heads = key_heads_of(call.heads, function_);
  return {heads.begin - keys.head_begin, call.heads.size(), heads.size() < call.heads.size()};
}

}  // namespace ringattn
