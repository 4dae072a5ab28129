#include "compare/gradient_parts.h"

#include "compare/reference_exact.h"

#include <ATen/ATen.h>

namespace ringattn {

GradientParts::GradientParts(AttentionFunction function, const InputSource& inputs, at::ScalarType dtype,
                             std::vector<std::vector<std::int64_t>> positions)
    : function_(std::move(function)), positions_(std::move(positions)) {
  const Positions all{{.first = 0, .count = inputs.seq_len(), .step = 1}};
  query_ = inputs.rows(InputTensor::query, all, dtype);
  key_ = inputs.rows(InputTensor::key, all, dtype);
  value_ = inputs.rows(InputTensor::value, all, dtype);
  grad_out_ = inputs.rows(InputTensor::grad_out, all, dtype);
  if (function_.mask.kind != MaskKind::none) mask_ = inputs.mask(all);
  const std::vector<std::int64_t> every_row;
  magnitude_ = magnitude_of({function_, every_row, query_, key_, value_, mask_}, query_);
}

const OracleGradient& GradientParts::of(int rank, int source) {
  const auto [entry, is_new] = parts_.try_emplace({rank, source});
  if (is_new)
    entry->second = make(positions_[static_cast<std::size_t>(rank)], positions_[static_cast<std::size_t>(source)]);
  return entry->second;
}

OracleGradient GradientParts::make(const std::vector<std::int64_t>& rows, const std::vector<std::int64_t>& keys) const {
  if (rows.empty()) return none(static_cast<std::int64_t>(keys.size()));
  const at::Tensor index = at::tensor(rows, at::kLong);
  const KeyValueSource source = [&](std::int64_t first, std::int64_t count) {
    return KeyValueRows{key_.narrow(1, first, count), value_.narrow(1, first, count)};
  };
  const bool has_mask_rows = function_.mask.kind == MaskKind::scores;
  return evaluate_oracle_gradient(function_, query_.index_select(1, index), source, grad_out_.index_select(1, index),
                                  {.key_rows = keys, .summed_keys = keys, .sensitivity = true},
                                  {.query_rows = rows, .mask = has_mask_rows ? mask_.index_select(2, index) : mask_});
}

/// Of a rank without rows.
OracleGradient GradientParts::none(std::int64_t keys) const {
  const auto zeros = [](const at::Tensor& like, std::int64_t rows) {
    return at::zeros({like.size(0), rows, like.size(2), like.size(3)}, at::kDouble);
  };
  OracleGradient none{zeros(query_, 0), zeros(key_, keys), zeros(value_, keys)};
  const at::Tensor of_key = none.key.select(3, 0);
  none.sensitivity = {none.query.select(3, 0), of_key, of_key, none.query.select(3, 0), of_key, of_key};
  return none;
}

}  // namespace ringattn
