#pragma once

#include "config/axes.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

// What all old implementations are made of: tensor operations that any reader of the Python code would recognise.

namespace ringattn::legacy {

/// (batch, n, heads, dim) each; the whole sequence.
struct FullInputs {
  at::Tensor query;
  at::Tensor key;
  at::Tensor value;
  std::int64_t seq_len() const { return query.size(1); }
  std::int64_t heads() const { return query.size(2); }
};

/// softmax(q kᵀ/√dim) v per head, every step in the dtype of the inputs. q (batch, a, heads, dim), k and v (batch, b,
/// heads, dim), visible (a, b) bool, or undefined for all. A row that sees nothing is 0. Result (batch, a, heads, dim).
/// Holds the a·b scores.
at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                  const at::Tensor& visible = {});

/// (rows, columns) bool: true where column <= row + shift.
at::Tensor triangle(std::int64_t rows, std::int64_t columns, std::int64_t shift, at::Device device);

/// Consecutive heads of pair i.
struct HeadGroup {
  std::int64_t first = 0;
  std::int64_t count = 0;
};
/// ⌊H/G⌋ heads each; the first H mod G groups get one more (GF), or the last (GL).
std::vector<HeadGroup> groups_first_larger(std::int64_t heads, std::size_t pairs);
std::vector<HeadGroup> groups_last_larger(std::int64_t heads, std::size_t pairs);

}  // namespace ringattn::legacy
