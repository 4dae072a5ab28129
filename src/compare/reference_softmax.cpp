#include "compare/reference_softmax.h"

#include "attention/oracle_dropout.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace ringattn {
namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

/// The mask's part for one query head: (batch or 1, 1, rows or 1, n).
at::Tensor mask_of_head(const FormulaInputs& in, std::int64_t head) {
  if (in.function.mask.kind == MaskKind::keys) return in.mask.unsqueeze(1).unsqueeze(1);
  return in.mask.narrow(1, in.function.mask.is_per_head ? head : 0, 1);
}

at::Tensor factor_of(const FormulaInputs& in, const DefinitionMask& definition, std::int64_t head) {
  if (in.function.dropout == 0.0) return {};
  std::vector<std::int64_t> rows = in.rows;
  if (rows.empty()) {
    rows.resize(static_cast<std::size_t>(in.function.seq_len));
    std::iota(rows.begin(), rows.end(), 0);
  }
  return oracle::dropout_factors(in.function, in.query.size(0), {head}, rows, 0, definition.counts.to(at::kDouble));
}

}  // namespace

at::Tensor bias_of(const FormulaInputs& in, const DefinitionMask& definition, std::int64_t head) {
  at::Tensor own = definition.additive().unsqueeze(0).unsqueeze(0);
  if (in.function.mask.kind == MaskKind::none) return own;
  const at::Tensor mask = mask_of_head(in, head);
  if (in.function.mask.is_additive) return own + mask.to(at::kFloat);
  return own.masked_fill(mask.logical_not(), minus_infinity);
}

at::Tensor HeadSoftmax::empty_rows() const { return bias.eq(minus_infinity).all(-1); }

at::Tensor rows_of_head(const at::Tensor& tensor, std::int64_t head, at::ScalarType arithmetic) {
  return tensor.narrow(2, head, 1).transpose(1, 2).to(arithmetic);
}

std::vector<HeadSoftmax> softmaxes_of_head(const FormulaInputs& in, std::int64_t head, at::ScalarType arithmetic) {
  const std::int64_t key_head = key_head_of(in.function, head);
  HeadSoftmax softmax{.query = rows_of_head(in.query, head, arithmetic),
                      .key = rows_of_head(in.key, key_head, arithmetic),
                      .value = rows_of_head(in.value, key_head, arithmetic),
                      .bias = {},
                      .factor = {}};
  softmax.softmax_scale = in.function.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(in.query.size(3))));
  std::vector<HeadSoftmax> softmaxes;
  for (const DefinitionMask& definition : definition_masks(in.function, head, in.rows)) {
    softmax.bias = bias_of(in, definition, head);
    softmax.factor = factor_of(in, definition, head);
    softmax.out_scale = definition.scale;
    softmaxes.push_back(softmax);
  }
  return softmaxes;
}

}  // namespace ringattn
