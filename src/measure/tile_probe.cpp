#include "measure/tile_probe.h"

#include "attention/executor.h"
#include "attention/running_state.h"
#include "attention/tile_call.h"
#include "measure/clock.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <memory>
#include <utility>

namespace ringattn {
namespace {

PlanTile plan_tile(const ProbeTile& tile) {
  PlanTile result;
  result.heads = {0, tile.heads};
  result.query = {.first = 0, .count = tile.rows};
  result.key = {.first = 0, .count = tile.rows};
  result.rule = tile.rule;
  return result;
}

std::vector<TileCall> calls_of(const ProbeTile& tile) {
  const CallLimits limits{.partial_bytes_max = partial_bytes_limit({}, at::kCPU),
                          .head_group = std::max<std::int64_t>(1, tile.heads / tile.key_heads)};
  return tile_calls(plan_tile(tile), tile.batch, tile.head_dim, limits);
}

CostShape shape_of(const ProbeTile& tile) {
  return {.batch = tile.batch,
          .head_dim = tile.head_dim,
          .element_bytes = static_cast<std::int64_t>(c10::elementSize(tile.dtype)),
          .state_bytes = static_cast<std::int64_t>(c10::elementSize(state_dtype(tile.dtype)))};
}

at::Tensor rows_of(const ProbeTile& tile, std::int64_t heads) {
  return at::full({tile.batch, tile.rows, heads, tile.head_dim}, 0.25, at::TensorOptions().dtype(tile.dtype))
      .transpose(1, 2);
}

at::Tensor part(const at::Tensor& rows, std::int64_t head, std::int64_t heads, const Rows& which) {
  return rows.narrow(1, head, heads).narrow(2, which.first, which.count);
}

/// What a rank needs to run the tile again and again.
struct RankTile {
  at::Tensor query, key, value;
  std::vector<TileCall> calls;
};

RankTile prepare(const ProbeTile& tile) {
  return {rows_of(tile, tile.heads), rows_of(tile, tile.key_heads), rows_of(tile, tile.key_heads), calls_of(tile)};
}

BlockInputs inputs_of(const ProbeTile& tile, const RankTile& rank, const TileCall& call) {
  const std::int64_t group = tile.heads / tile.key_heads;
  const std::int64_t first = call.heads.begin / group;
  const std::int64_t heads = group > 1 ? 1 : call.heads.size();
  const auto keys = [&](const at::Tensor& rows) {
    return part(rows, first, heads, call.key).expand({-1, call.heads.size(), -1, -1});
  };
  return {.query = part(rank.query, call.heads.begin, call.heads.size(), call.query),
          .key = keys(rank.key),
          .value = keys(rank.value),
          .rule = tile.rule,
          .softmax_scale = 1.0 / std::sqrt(static_cast<double>(tile.head_dim))};
}

/// Calls `make` once a rank, on its thread, and then times what it returned on all ranks at once.
std::vector<std::int64_t> on_all_ranks(RankWorld& world, const std::function<std::function<void()>()>& make,
                                       const SamplingOptions& options) {
  const auto ranks = static_cast<std::size_t>(world.size());
  std::vector<std::function<void()>> bodies(ranks);
  world.world().run([&](Communicator& c) { bodies[static_cast<std::size_t>(c.rank())] = make(); });
  std::vector<double> times(ranks);
  const auto once = [&] {
    world.world().run([&](Communicator& c) {
      const auto rank = static_cast<std::size_t>(c.rank());
      c.barrier();
      times[rank] = static_cast<double>(time_of(bodies[rank]));
    });
    return static_cast<std::int64_t>(median(times));
  };
  return take_samples(once, options);
}

}  // namespace

double flops_of(const ProbeTile& tile) {
  return 4.0 * static_cast<double>(tile.batch * tile.head_dim * plan_tile(tile).attended_pairs());
}

double merged_bytes(const ProbeTile& tile) { return merge_bytes(plan_tile(tile), shape_of(tile)); }

std::vector<std::int64_t> tile_samples(RankWorld& world, const BlockBackend& backend, const ProbeTile& tile,
                                       const SamplingOptions& options) {
  const auto make = [&]() -> std::function<void()> {
    return [&tile, &backend, rank = prepare(tile)] {
      for (const TileCall& call : rank.calls) (void)backend.forward(inputs_of(tile, rank, call));
    };
  };
  return on_all_ranks(world, make, options);
}

std::vector<std::int64_t> merge_samples(RankWorld& world, const ProbeTile& tile, const SamplingOptions& options) {
  const auto make = [&]() -> std::function<void()> {
    const auto state = std::make_shared<RunningState>(tile.batch, tile.rows, tile.heads, tile.head_dim, tile.dtype);
    const std::vector<TileCall> calls = calls_of(tile);
    std::vector<Partial> partials;
    for (const TileCall& call : calls) {
      const at::TensorOptions wide = at::TensorOptions().dtype(state_dtype(tile.dtype));
      partials.push_back(
          {at::ones({tile.batch, call.query.count, call.heads.size(), tile.head_dim}, wide.dtype(tile.dtype))
               .transpose(1, 2),
           at::ones({tile.batch, call.query.count, call.heads.size()}, wide).transpose(1, 2)});
    }
    return [state, calls, partials = std::move(partials)] {
      for (std::size_t i = 0; i < calls.size(); ++i)
        state->merge(partials[i], calls[i].heads, calls[i].query, calls[i].batch_begin);
    };
  };
  return on_all_ranks(world, make, options);
}

}  // namespace ringattn
