#include "compare/reference_formula.h"

#include "compare/definition_mask.h"
#include "compare/reference_softmax.h"

#include <ATen/ATen.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>

#include <functional>
#include <limits>

namespace ringattn {
namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

using Kernel = std::function<Partial(const HeadSoftmax&)>;

/// out (batch, 1, rows, dim), lse (batch, 1, rows).
Partial flash_kernel(const HeadSoftmax& in) {
  auto [out, lse] = at::_scaled_dot_product_flash_attention_for_cpu(in.query, in.key, in.value, 0.0, false, in.bias,
                                                                    in.softmax_scale);
  return {out, lse};
}

/// Every operation in the dtype of the query. A row without key has weights NaN, which some processors' bf16 product
/// (oneDNN with AMX) carries into other rows: they are 0 before it.
Partial formula(const HeadSoftmax& in) {
  const at::ScalarType dtype = in.query.scalar_type();
  const at::Tensor scores = at::matmul(in.query, in.key.transpose(-2, -1)) * in.softmax_scale + in.bias.to(dtype);
  at::Tensor weights = at::softmax(scores, -1).masked_fill_(in.empty_rows().unsqueeze(-1), 0.0);
  if (in.factor.defined()) weights = weights * in.factor.to(dtype);
  return {at::matmul(weights, in.value), at::logsumexp(scores.to(at::kFloat), -1)};
}

/// Rows without key are 0, whatever a kernel makes of a wholly hidden row.
Partial with_empty_rows(const Partial& partial, const at::Tensor& empty) {
  return {partial.out.masked_fill(empty.unsqueeze(-1), 0.0), partial.lse.masked_fill(empty, minus_infinity)};
}

/// Runs the kernel for each softmax of one head, in `arithmetic`, and adds the results.
Partial attend_head(const FormulaInputs& in, std::int64_t head, at::ScalarType arithmetic, const Kernel& kernel) {
  Partial sum;
  const std::vector<HeadSoftmax> softmaxes = softmaxes_of_head(in, head, arithmetic);
  for (const HeadSoftmax& softmax : softmaxes) {
    const Partial partial = with_empty_rows(kernel(softmax), softmax.empty_rows());
    const at::Tensor out = partial.out.mul(softmax.out_scale);
    sum.out = sum.out.defined() ? sum.out + out : out;
    if (softmaxes.size() == 1) sum.lse = partial.lse;
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
