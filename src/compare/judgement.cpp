#include "compare/judgement.h"

#include "compare/gradient_judge.h"
#include "compare/tensor_judge.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace ringattn {
namespace {

NumericVerdict judge_forward(const Partial& result, const Reference& expected, BaselineKind kind,
                             const std::optional<Tolerance>& tolerance) {
  if (tolerance) return judge_tolerance(result, rounded_as(result, expected.oracle), *tolerance, "oracle");
  OracleContext context = context_of(expected);
  if (kind == BaselineKind::own_formula && expected.plain.out.defined())
    context.baseline = expected.plain, context.baseline_kind = kind;
  return judge_against_oracle(result, expected.oracle, context);
}

NumericVerdict judge_backward(const Gradients& result, const GradientReference& expected, BaselineKind kind,
                              const std::optional<Tolerance>& tolerance) {
  if (tolerance) return judge_gradient_tolerance(result, rounded_as(result, expected.oracle), *tolerance, "oracle");
  GradientContext context = context_of(expected);
  if (kind == BaselineKind::own_formula && expected.plain.query.defined()) context.baseline = expected.plain;
  return judge_gradients(result, expected.oracle, context);
}

/// Elementwise, or by what each of two right results in fp32 may err: of a row that cancels neither is a measure.
NumericVerdict judge_gradients_between(const Gradients& old, const Gradients& fresh, const std::string& fresh_id,
                                       const Tolerance& allowed, const GradientSensitivity& sensitivity) {
  NumericVerdict verdict = judge_gradient_tolerance(old, fresh, allowed, fresh_id);
  if (verdict.passed || verdict.tensors.size() != 3) return verdict;
  const std::array got{old.query, old.key, old.value}, want{fresh.query, fresh.key, fresh.value};
  const std::array rows{sensitivity.query, sensitivity.key, sensitivity.value};
  verdict.passed = true, verdict.reason.clear();
  TensorRule rule;
  rule.element = {allowed.atol, allowed.rtol, 0.0, std::numeric_limits<double>::infinity()};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rule.row_allowance = rows[i] * (2.0 * gradient_roundings * 0x1p-24);
    TensorVerdict& tensor = verdict.tensors[i];
    tensor = judge_tensor(tensor.tensor, got[i], want[i], {}, rule, true);
    if (tensor.passed) continue;
    verdict.reason += (verdict.passed ? "" : "; ") + tensor.reason;
    verdict.passed = false;
  }
  return verdict;
}

bool is_of_keys(const TensorVerdict& tensor) { return tensor.tensor == "dk" || tensor.tensor == "dv"; }

}  // namespace

NumericVerdict numbered(NumericVerdict verdict, const std::vector<std::int64_t>& rows) {
  if (rows.empty()) return verdict;
  const auto keys = std::find_if(verdict.tensors.begin(), verdict.tensors.end(), is_of_keys);
  const std::vector<TensorVerdict> of_keys(keys, verdict.tensors.end());
  verdict.tensors.erase(keys, verdict.tensors.end());
  number_rows(verdict, rows);
  verdict.tensors.insert(verdict.tensors.end(), of_keys.begin(), of_keys.end());
  return verdict;
}

Partial rounded_as(const Partial& result, const Partial& oracle) {
  return {oracle.out.to(result.out.scalar_type()),
          result.lse.defined() ? oracle.lse.to(result.lse.scalar_type()) : at::Tensor()};
}

Gradients rounded_as(const Gradients& result, const Gradients& oracle) {
  const at::ScalarType dtype = result.query.scalar_type();
  return {oracle.query.to(dtype), oracle.key.to(dtype), oracle.value.to(dtype)};
}

NumericVerdict RunVerdict::whole() const { return gradients ? joined(result, *gradients) : result; }

RunVerdict judge_run(const RunResult& result, const AttentionFunction& function, BaselineKind kind,
                     ReferenceBook& references, const std::optional<Tolerance>& tolerance) {
  const at::ScalarType dtype = result.judged.out.scalar_type();
  RunVerdict verdict{judge_forward(result.judged, references.of(function, dtype), kind, tolerance)};
  if (result.gradients)
    verdict.gradients = judge_backward(*result.gradients, references.gradients_of(function, dtype), kind, tolerance);
  return verdict;
}

NumericVerdict judge_runs(const RunResult& old, const RunResult& fresh, const std::string& fresh_id,
                          const AttentionFunction& function, ReferenceBook& references,
                          const std::optional<Tolerance>& tolerance) {
  const Tolerance allowed = tolerance.value_or(Tolerance{});
  const at::ScalarType dtype = fresh.judged.out.scalar_type();
  const Reference& expected = references.of(function, dtype);
  const at::Tensor allowance = tolerance ? at::Tensor() : allowed_between(expected.sensitivity, expected.projection);
  NumericVerdict verdict = judge_tolerance(old.judged, fresh.judged, allowed, fresh_id, allowance);
  if (!old.gradients || !fresh.gradients) return verdict;
  return joined(std::move(verdict),
                tolerance ? judge_gradient_tolerance(*old.gradients, *fresh.gradients, allowed, fresh_id)
                          : judge_gradients_between(*old.gradients, *fresh.gradients, fresh_id, allowed,
                                                    references.gradients_of(function, dtype).sensitivity));
}

}  // namespace ringattn
