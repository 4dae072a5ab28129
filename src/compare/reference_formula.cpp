#include "compare/reference_formula.h"

#include "attention/oracle_dropout.h"
#include "compare/definition_mask.h"

#include <ATen/ATen.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace ringattn {
namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

/// One softmax of one head: query (batch, 1, rows, dim), key and value (batch, 1, n, dim).
struct HeadSoftmax {
  at::Tensor query, key, value;
  at::Tensor bias;    ///< fp32 (batch or 1, 1, rows, n): definition and mask, -inf hides
  at::Tensor factor;  ///< (batch, 1, rows, n) fp64: of dropout; undefined: none
  double softmax_scale = 1.0;
};

using Kernel = std::function<Partial(const HeadSoftmax&)>;

/// out (batch, 1, rows, dim), lse (batch, 1, rows).
Partial flash_kernel(const HeadSoftmax& in) {
  auto [out, lse] = at::_scaled_dot_product_flash_attention_for_cpu(in.query, in.key, in.value, 0.0, false, in.bias,
                                                                    in.softmax_scale);
  return {out, lse};
}

at::Tensor empty_rows(const at::Tensor& bias) { return bias.eq(minus_infinity).all(-1); }

/// Every operation in the dtype of the query. A row without key has weights NaN, which some processors' bf16 product
/// (oneDNN with AMX) carries into other rows: they are 0 before it.
Partial formula(const HeadSoftmax& in) {
  const at::ScalarType dtype = in.query.scalar_type();
  const at::Tensor scores = at::matmul(in.query, in.key.transpose(-2, -1)) * in.softmax_scale + in.bias.to(dtype);
  at::Tensor weights = at::softmax(scores, -1).masked_fill_(empty_rows(in.bias).unsqueeze(-1), 0.0);
  if (in.factor.defined()) weights = weights * in.factor.to(dtype);
  return {at::matmul(weights, in.value), at::logsumexp(scores.to(at::kFloat), -1)};
}

/// Rows without key are 0, whatever a kernel makes of a wholly hidden row.
Partial with_empty_rows(const Partial& partial, const at::Tensor& bias) {
  const at::Tensor empty = empty_rows(bias);
  return {partial.out.masked_fill(empty.unsqueeze(-1), 0.0), partial.lse.masked_fill(empty, minus_infinity)};
}

/// The mask's part for one query head: (batch or 1, 1, rows or 1, n).
at::Tensor mask_of_head(const FormulaInputs& in, std::int64_t head) {
  if (in.function.mask.kind == MaskKind::keys) return in.mask.unsqueeze(1).unsqueeze(1);
  return in.mask.narrow(1, in.function.mask.is_per_head ? head : 0, 1);
}

/// Definition and mask together.
at::Tensor bias_of(const FormulaInputs& in, const DefinitionMask& definition, std::int64_t head) {
  at::Tensor own = definition.additive().unsqueeze(0).unsqueeze(0);
  if (in.function.mask.kind == MaskKind::none) return own;
  const at::Tensor mask = mask_of_head(in, head);
  if (in.function.mask.is_additive) return own + mask.to(at::kFloat);
  return own.masked_fill(mask.logical_not(), minus_infinity);
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

/// Runs the kernel for each softmax of one head, in `arithmetic`, and adds the results.
Partial attend_head(const FormulaInputs& in, std::int64_t head, at::ScalarType arithmetic, const Kernel& kernel) {
  const std::int64_t shared = in.function.heads / in.function.key_heads();
  const auto rows_of = [arithmetic](const at::Tensor& tensor, std::int64_t index) {
    return tensor.narrow(2, index, 1).transpose(1, 2).to(arithmetic);
  };
  HeadSoftmax softmax{
      rows_of(in.query, head), rows_of(in.key, head / shared), rows_of(in.value, head / shared), {}, {}};
  softmax.softmax_scale = in.function.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(in.query.size(3))));
  Partial sum;
  const std::vector<DefinitionMask> definitions = definition_masks(in.function, head, in.rows);
  for (const DefinitionMask& definition : definitions) {
    softmax.bias = bias_of(in, definition, head);
    softmax.factor = factor_of(in, definition, head);
    const Partial partial = with_empty_rows(kernel(softmax), softmax.bias);
    const at::Tensor out = partial.out.mul(definition.scale);
    sum.out = sum.out.defined() ? sum.out + out : out;
    if (definitions.size() == 1) sum.lse = partial.lse;
  }
  return sum;
}

Partial attend(const FormulaInputs& in, at::ScalarType arithmetic, const Kernel& kernel) {
  std::vector<at::Tensor> outs, lses;
  for (std::int64_t head = 0; head < in.function.heads; ++head) {
    const Partial partial = attend_head(in, head, arithmetic, kernel);
    outs.push_back(partial.out.transpose(1, 2));
    if (partial.lse.defined()) lses.push_back(partial.lse);
  }
  return {at::cat(outs, 2).to(in.query.scalar_type()), lses.empty() ? at::Tensor() : at::cat(lses, 1)};
}

}  // namespace

Partial library_attention(const FormulaInputs& in) {
  const bool averaged = in.function.axes.join == JoinRule::mean && in.function.pairs.size() > 1;
  if (in.function.dropout > 0.0 || averaged) return attend(in, at::kFloat, formula);
  return attend(in, in.query.scalar_type(), flash_kernel);
}

Partial plain_attention(const FormulaInputs& in) { return attend(in, in.query.scalar_type(), formula); }

at::Tensor single_key_rows(const FormulaInputs& in) {
  if (in.function.dropout > 0.0) return at::zeros({1, in.function.heads, in.query.size(1)}, at::kBool);
  std::vector<at::Tensor> heads;
  for (std::int64_t head = 0; head < in.function.heads; ++head) {
    at::Tensor keys;
    for (const DefinitionMask& definition : definition_masks(in.function, head, in.rows)) {
      const at::Tensor hidden = bias_of(in, definition, head).eq(minus_infinity);
      const at::Tensor counted = definition.counts.masked_fill(hidden, 0.0).sum(-1);
      keys = keys.defined() ? keys + counted : counted;
    }
    heads.push_back(keys.eq(1.0));
  }
  return at::cat(heads, 1);
}

}  // namespace ringattn
