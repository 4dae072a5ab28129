#pragma once

#include <ATen/ATen.h>

#include <cstdint>

// Tensors of one block, as the tests of the library's kernels give them.

namespace ringattn::test {

struct BlockShape {
  std::int64_t batch, heads, rows, keys, dim;
  bool is_strided = false;       ///< every third row of longer tensors
  bool shares_key_head = false;  ///< all heads read one
};

/// (batch, heads, rows, dim) views of (batch, rows, heads, dim) memory.
inline at::Tensor rows_of(std::int64_t batch, std::int64_t heads, std::int64_t rows, const BlockShape& shape,
                          at::ScalarType type) {
  const std::int64_t step = shape.is_strided ? 3 : 1;
  return at::randn({batch, rows * step, heads, shape.dim}).to(type).slice(1, 0, rows * step, step).transpose(1, 2);
}

inline at::Tensor queries_of(const BlockShape& s, at::ScalarType type) {
  return rows_of(s.batch, s.heads, s.rows, s, type);
}

/// Keys or values; with shares_key_head one head, expanded.
inline at::Tensor keys_of(const BlockShape& s, at::ScalarType type) {
  return rows_of(s.batch, s.shares_key_head ? 1 : s.heads, s.keys, s, type).expand({-1, s.heads, -1, -1});
}

/// The same strides on the device; a tensor of four dimensions that expands one head still does.
inline at::Tensor there(const at::Tensor& tensor, at::DeviceType device, at::ScalarType type) {
  if (tensor.dim() == 4 && tensor.size(1) > 1 && tensor.stride(1) == 0)
    return there(tensor.narrow(1, 0, 1), device, type).expand({-1, tensor.size(1), -1, -1});
  return at::empty_strided(tensor.sizes(), tensor.strides(), at::TensorOptions(type).device(device)).copy_(tensor);
}

}  // namespace ringattn::test
