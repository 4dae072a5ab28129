#pragma once

#include "attention/block_backend.h"
#include "measure/rank_rates.h"
#include "measure/rank_world.h"
#include "measure/sampling.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

namespace ringattn {

/// A square tile as the executor would run it.
struct ProbeTile {
  std::int64_t rows = 256;
  std::int64_t heads = 4;
  std::int64_t key_heads = 4;
  std::int64_t batch = 1;
  std::int64_t head_dim = 64;
  MaskRule rule = MaskRule::full;
  at::ScalarType dtype = at::kFloat;
};

/// Operations of one such tile that attend:  4 · batch · dim · heads · attended pairs.
double flops_of(const ProbeTile& tile);

/// Times the tile, cut into calls as the executor cuts it, on all ranks of the world at once, each with its share of
/// the threads; a sample is the median of the ranks, so that what one rank suffers alone is not taken for all.
std::vector<std::int64_t> tile_samples(RankWorld& world, const BlockBackend& backend, const ProbeTile& tile,
                                       const SamplingOptions& options);

/// Times merging such tiles' results into a running state of their rows, the same way: bytes as merge_bytes() counts
/// them.
std::vector<std::int64_t> merge_samples(RankWorld& world, const ProbeTile& tile, const SamplingOptions& options);
double merged_bytes(const ProbeTile& tile);

}  // namespace ringattn
