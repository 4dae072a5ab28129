#pragma once

#include "attention/interface.h"

#include <ATen/ATen.h>

#include <cstdint>

namespace ringattn::testing {

/// query, key, value of all n rows: (batch, n, heads, dim), standard normal, always the same for a seed.
inline RankInputs full_inputs(std::int64_t batch, std::int64_t seq_len, std::int64_t heads, std::int64_t dim,
                              at::ScalarType dtype, std::uint64_t seed = 7) {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU).clone();
  generator.set_current_seed(seed);
  const auto tensor = [&] {
    return at::randn({batch, seq_len, heads, dim}, generator, at::TensorOptions().dtype(at::kDouble)).to(dtype);
  };
  return {tensor(), tensor(), tensor()};
}

/// The rows at `positions`, inside a tensor of n rows whose other rows are NaN: whoever reads outside its own rows is
/// found out.
inline at::Tensor rows_among_nan(const at::Tensor& full, const Positions& positions) {
  const std::vector<std::int64_t> index = expand(positions);
  at::Tensor own = full.index_select(1, at::tensor(index, at::kLong));
  at::Tensor surrounded = at::full({full.size(0), own.size(1) + 8, full.size(2), full.size(3)}, NAN, full.options());
  surrounded.narrow(1, 4, own.size(1)).copy_(own);
  return surrounded.narrow(1, 4, own.size(1));
}

inline RankInputs rank_inputs(const RankInputs& full, const Attention& attention, int rank, int world_size) {
  return {rows_among_nan(full.query, attention.query_positions(rank, world_size)),
          rows_among_nan(full.key, attention.key_positions(rank, world_size)),
          rows_among_nan(full.value, attention.key_positions(rank, world_size))};
}

}  // namespace ringattn::testing
