#pragma once

#include "attention/block_backend.h"
#include "attention/key_value.h"
#include "attention/tile_call.h"
#include "plan/plan.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace ringattn {

/// The rows that a tile's calls read, packed where they are no progression.
struct TileRows {
  at::Tensor query;
  std::int64_t query_head_begin = 0;
  at::Tensor query_index{};  ///< on the device; undefined where the rows are a progression
  at::Tensor key_index{};
  KeyValue keys;
};

/// One rank's inputs as the kernel calls of its plan see them: strided views, or packed rows, and what bias, positions
/// and dropout make of them. Forward and backward read their tiles here.
class TileReader {
 public:
  /// `plan` must outlive the reader. K and V that do not lie row by row are copied once.
  TileReader(const Plan& plan, const RankInputs& inputs);

  const at::Tensor& query() const { return query_; }
  /// The rank's own K and V, with the mask of keys that travels with them.
  const KeyValue& own() const { return own_; }
  std::int64_t batch() const { return query_.size(0); }
  std::int64_t head_dim() const { return query_.size(3); }
  CostShape cost_shape() const;
  /// Batch indices of the mask, 0 where there is none.
  std::int64_t mask_batch() const;

  /// The rows that a tile reads from `source`: its region, or own().
  TileRows rows_of(const PlanTile& tile, const KeyValue& source) const;

  /// Where the keys of a step's tiles lie: asked for once a step, empty where no call reads positions.
  using Positions = std::vector<std::vector<std::int64_t>>;
  Positions region_positions(const Step& step) const;

  /// What one call of the tile computes on, handed to `run`; it holds views of what lives until `run` returns.
  void read(const PlanTile& tile, const TileCall& call, const TileRows& rows, const Positions& positions,
            const std::function<void(const BlockInputs&)>& run) const;

  HeadView query_heads(const TileCall& call, const TileRows& rows) const;
  HeadView key_heads(const TileCall& call, const KeyValue& keys) const;

 private:
  const std::vector<std::int64_t>& source_positions(const PlanTile& tile, const Positions& positions) const;

  const Plan& plan_;
  const AttentionFunction& function_;
  at::Tensor query_;
  KeyValue own_;
  at::Tensor scores_mask_;
  double scale_;
  kernels::DropoutRule dropout_;
  bool reads_positions_;
  std::vector<std::int64_t> own_positions_;  // where positions are read
};

/// The function's, or 1/√head_dim.
double softmax_scale_of(const AttentionFunction& function, std::int64_t head_dim);

/// The tensor with dim contiguous: itself, or a copy.
at::Tensor dim_contiguous(const at::Tensor& tensor);

}  // namespace ringattn
