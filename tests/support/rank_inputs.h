#pragma once

#include "attention/interface.h"

#include <ATen/ATen.h>

#include <cstdint>
#include <cstdlib>

namespace ringattn::testing {

/// Where rank tests keep their ranks' tensors: RINGATTN_TEST_DEVICE=cuda runs them on the GPU.
inline at::Device test_device() {
  const char* name = std::getenv("RINGATTN_TEST_DEVICE");
  return at::Device(name == nullptr ? "cpu" : name);
}

/// query, key, value of all n rows: (batch, n, heads, dim), standard normal, always the same for a seed; keys and
/// values may have fewer heads.
inline RankInputs full_inputs(std::int64_t batch, std::int64_t seq_len, std::int64_t heads, std::int64_t dim,
                              at::ScalarType dtype, std::uint64_t seed = 7, std::int64_t kv_heads = 0) {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU).clone();
  generator.set_current_seed(seed);
  const auto tensor = [&](std::int64_t tensor_heads) {
    return at::randn({batch, seq_len, tensor_heads, dim}, generator, at::TensorOptions().dtype(at::kDouble)).to(dtype);
  };
  const std::int64_t key_heads = kv_heads > 0 ? kv_heads : heads;
  return {tensor(heads), tensor(key_heads), tensor(key_heads)};
}

/// The rows at `positions`, inside a tensor of n rows whose other rows are NaN: whoever reads outside its own rows is
/// found out.
inline at::Tensor rows_among_nan(const at::Tensor& full, const Positions& positions,
                                 const at::Device& device = at::kCPU) {
  const std::vector<std::int64_t> index = expand(positions);
  at::Tensor own = full.index_select(1, at::tensor(index, at::kLong));
  at::Tensor surrounded =
      at::full({full.size(0), own.size(1) + 8, full.size(2), full.size(3)}, NAN, full.options().device(device));
  surrounded.narrow(1, 4, own.size(1)).copy_(own);
  return surrounded.narrow(1, 4, own.size(1));
}

/// The rank's part of the full mask, if there is one.
inline at::Tensor rank_mask(const RankInputs& full, const Attention& attention, int rank, int world_size) {
  if (!full.mask.defined()) return {};
  const bool is_of_keys = full.mask.dim() == 2;
  const Positions rows =
      is_of_keys ? attention.key_positions(rank, world_size) : attention.query_positions(rank, world_size);
  return full.mask.index_select(is_of_keys ? 1 : 2, at::tensor(expand(rows), at::kLong));
}

inline RankInputs rank_inputs(const RankInputs& full, const Attention& attention, int rank, int world_size,
                              const at::Device& device = test_device()) {
  at::Tensor mask = rank_mask(full, attention, rank, world_size);
  if (mask.defined()) mask = mask.to(device);
  return {rows_among_nan(full.query, attention.query_positions(rank, world_size), device),
          rows_among_nan(full.key, attention.key_positions(rank, world_size), device),
          rows_among_nan(full.value, attention.key_positions(rank, world_size), device), mask};
}

}  // namespace ringattn::testing
