#pragma once

#include "config/axes.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

// What all old implementations are made of: tensor operations that any reader of the Python code would recognise.

namespace ringattn::legacy {

/// (batch, n, heads, dim) each; the whole sequence. The old classes had no grouped-query heads: key and value have as
/// many as the query. `mask`: (batch or 1, n), or (batch or 1, heads or 1, n, n); undefined: none.
struct FullInputs {
  at::Tensor query;
  at::Tensor key;
  at::Tensor value;
  at::Tensor mask{};
  std::int64_t seq_len() const { return query.size(1); }
  std::int64_t heads() const { return query.size(2); }
};

/// What may be asked of attend() besides; tensors are broadcast to (batch, heads, a, b).
struct AttendOptions {
  at::Tensor visible{};                   ///< bool; undefined: everything
  at::Tensor bias{};                      ///< added to the scaled scores
  std::optional<double> softmax_scale{};  ///< none: 1/√dim
  at::Tensor kept{};                      ///< bool: which weights dropout leaves; undefined: all
  double dropout = 0.0;                   ///< what is kept is divided by 1 - dropout
};

/// softmax(scale · q kᵀ + bias) v per head, every step in the dtype of the inputs. q (batch, a, heads, dim), k and v
/// (batch, b, heads, dim). A row that sees nothing is 0. Result (batch, a, heads, dim). Holds the a·b scores.
at::Tensor attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                  const AttendOptions& options);
/// The same with nothing but visible (a, b).
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
