#include "compare/numeric.h"

#include "compare/tensor_judge.h"
#include "compare/tier.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>
#include <string>
#include <utility>

namespace ringattn {
namespace {

constexpr double fp32_roundoff = 0x1p-24;

std::string shape_words(const at::Tensor& tensor) {
  if (!tensor.defined()) return "no tensor";
  std::string words;
  for (const std::int64_t size : tensor.sizes()) words += (words.empty() ? "" : ", ") + std::to_string(size);
  return fmt::format("({}) {}", words, c10::toString(tensor.scalar_type()));
}

std::string difference_words(const std::string& name, const at::Tensor& got, const at::Tensor& want) {
  return fmt::format("{} is {}, expected {}", name, shape_words(got), shape_words(want));
}

/// "" when out (batch, n, heads, dim) and lse (batch, heads, n), where both have one, can be compared; otherwise why
/// not.
std::string shape_mismatch(const Partial& got, const Partial& want) {
  if (!got.out.defined() || !want.out.defined() || want.out.dim() != 4 || got.out.sizes() != want.out.sizes())
    return difference_words("out", got.out, want.out);
  if (got.out.numel() == 0) return fmt::format("out is {}: nothing to compare", shape_words(got.out));
  if (!got.lse.defined() || !want.lse.defined()) return "";
  const std::int64_t lse_shape[] = {got.out.size(0), got.out.size(2), got.out.size(1)};
  if (got.lse.sizes() != want.lse.sizes() || !want.lse.sizes().equals(lse_shape))
    return difference_words("lse", got.lse, want.lse);
  if (!got.lse.is_floating_point()) return difference_words("lse", got.lse, want.lse);
  return "";
}

NumericVerdict refused(Tier tier, const std::string& against, const std::string& reason) {
  NumericVerdict verdict;
  verdict.tier = tier;
  verdict.against = against;
  verdict.reason = reason;
  return verdict;
}

/// (batch, heads, n) as (batch, n, heads, 1), the form in which judge_tensor reads rows.
at::Tensor rows_of(const at::Tensor& lse) { return lse.defined() ? lse.transpose(1, 2).unsqueeze(3) : lse; }

/// Judges out and, where both sides have one, lse; passes when all that was judged passes.
NumericVerdict judge(Tier tier, const std::string& against, const Partial& got, const Partial& want,
                     const Partial& baseline, const TensorRule& out_rule, const TensorRule& lse_rule) {
  NumericVerdict verdict;
  verdict.tier = tier;
  verdict.against = against;
  verdict.tensors.push_back(judge_tensor("out", got.out, want.out, baseline.out, out_rule, true));
  if (got.lse.defined() && want.lse.defined())
    verdict.tensors.push_back(
        judge_tensor("lse", rows_of(got.lse), rows_of(want.lse), rows_of(baseline.lse), lse_rule, false));
  verdict.passed = true;
  for (const TensorVerdict& tensor : verdict.tensors) {
    if (tensor.passed) continue;
    verdict.reason += (verdict.passed ? "" : "; ") + tensor.reason;
    verdict.passed = false;
  }
  return verdict;
}

TensorRule elementwise(double atol, double rtol, double cap, bool baseline_relaxes) {
  TensorRule rule;
  rule.element = {atol, rtol, 0.0, cap};
  rule.baseline_relaxes = baseline_relaxes;
  return rule;
}

/// `rule` with what the rows' sensitivity to rounding allows of out, and below of lse.
TensorRule allowing_out(TensorRule rule, const RowSensitivity& sensitivity, double unit_roundoff) {
  if (sensitivity.out.defined()) rule.row_allowance = sensitivity.out * (out_roundings * unit_roundoff);
  return rule;
}

TensorRule allowing_lse(TensorRule rule, const RowSensitivity& sensitivity, double unit_roundoff) {
  if (sensitivity.lse.defined()) rule.row_allowance = sensitivity.lse.transpose(1, 2) * (lse_roundings * unit_roundoff);
  return rule;
}

ErrorBound bound_of(const OracleContext& context, double unit_roundoff) {
  const ErrorBound attention = rounding_bound(context.inputs, unit_roundoff);
  if (!context.projection) return attention;
  return projected_bound(attention, context.inputs, *context.projection, unit_roundoff);
}

NumericVerdict judge_logic(const Partial& result, const Partial& oracle, const OracleContext& context) {
  constexpr double u = fp32_roundoff;
  const ErrorBound bound = bound_of(context, u);
  const TensorRule out = elementwise(1e-5, 1.3e-6, bound.out, context.baseline.out.defined());
  const TensorRule lse = elementwise(1e-5, 1.3e-6, bound.lse, context.baseline.lse.defined());
  return judge(Tier::logic, "oracle", result, oracle, context.baseline, allowing_out(out, context.sensitivity, u),
               allowing_lse(lse, context.sensitivity, u));
}

NumericVerdict judge_fp64(const Partial& result, const Partial& oracle, const OracleContext& context) {
  constexpr double u = 0x1p-53;
  const ErrorBound bound = bound_of(context, u);
  const TensorRule out = elementwise(1e-12, 1e-12, 2.0 * bound.out, false);
  const TensorRule lse = elementwise(1e-12, 1e-12, 2.0 * bound.lse, false);
  return judge(Tier::fp64, "oracle", result, oracle, {}, allowing_out(out, context.sensitivity, 2.0 * u),
               allowing_lse(lse, context.sensitivity, 2.0 * u));
}

NumericVerdict judge_precision(const Partial& result, const Partial& oracle, const OracleContext& context) {
  const bool own_formula = context.baseline_kind == BaselineKind::own_formula;
  TensorRule out_rule;
  out_rule.element = {std::numeric_limits<double>::max(), 0.0, 0.0, std::numeric_limits<double>::max()};
  out_rule.by_rmse = true;
  out_rule.rmse_floor = rmse_floor(result.out.scalar_type());
  out_rule.rmse_lost = lost_below_normal(result.out.scalar_type());
  out_rule.rmse_terms = context.sensitivity.value;
  if (context.single_key_rows.defined()) {
    const auto& out = result.out;
    out_rule.exact_rows = context.single_key_rows.expand({out.size(0), out.size(2), out.size(1)}).transpose(1, 2);
    out_rule.baseline_is_exact_too = own_formula;
  }
  const TensorRule lse_rule = elementwise(1e-3, 0.0, std::numeric_limits<double>::infinity(),
                                          (own_formula || context.projection) && context.baseline.lse.defined());
  return judge(Tier::precision, "oracle", result, oracle, context.baseline, out_rule,
               allowing_lse(lse_rule, context.sensitivity, fp32_roundoff));
}

/// "" or why the baseline is no yardstick for this result.
std::string baseline_mismatch(const Partial& result, const Partial& baseline, Tier tier) {
  if (!baseline.out.defined())
    return tier == Tier::precision ? "no direct result to compare with: low precision is judged against one" : "";
  if (baseline.out.scalar_type() != result.out.scalar_type())
    return difference_words("the baseline's out", baseline.out, result.out);
  const std::string mismatch = shape_mismatch(baseline, result);
  return mismatch.empty() ? "" : "the baseline's " + mismatch;
}

}  // namespace

Tier tier_of(const at::Tensor& out) {
  if (!out.defined() || out.scalar_type() == at::kFloat) return Tier::logic;
  return out.scalar_type() == at::kDouble ? Tier::fp64 : Tier::precision;
}

double lost_below_normal(at::ScalarType dtype) { return std::ldexp(1.0, dtype == at::kHalf ? -25 : -126); }

double rmse_floor(at::ScalarType dtype) { return std::ldexp(1.0, dtype == at::kHalf ? -12 : -9); }

NumericVerdict judge_against_oracle(const Partial& result, const Partial& oracle, const OracleContext& context) {
  const Tier tier = tier_of(result.out);
  std::string problem = shape_mismatch(result, oracle);
  if (problem.empty() && (!result.out.is_floating_point() || oracle.out.scalar_type() != at::kDouble))
    problem = difference_words("out", result.out, oracle.out);
  if (problem.empty()) problem = baseline_mismatch(result, context.baseline, tier);
  if (!problem.empty()) return refused(tier, "oracle", problem);
  if (tier == Tier::logic) return judge_logic(result, oracle, context);
  return tier == Tier::fp64 ? judge_fp64(result, oracle, context) : judge_precision(result, oracle, context);
}

NumericVerdict judge_tolerance(const Partial& got, const Partial& want, const Tolerance& tolerance,
                               const std::string& against, const at::Tensor& row_allowance) {
  std::string problem = shape_mismatch(got, want);
  if (problem.empty() && (got.out.scalar_type() != want.out.scalar_type() || !got.out.is_floating_point()))
    problem = difference_words("out", got.out, want.out);
  if (!problem.empty()) return refused(Tier::tolerance, against, problem);
  const TensorRule rule = elementwise(tolerance.atol, tolerance.rtol, std::numeric_limits<double>::infinity(), false);
  TensorRule out_rule = rule;
  out_rule.row_allowance = row_allowance;
  return judge(Tier::tolerance, against, got, want, {}, out_rule, rule);
}

at::Tensor allowed_between(const RowSensitivity& sensitivity, const std::optional<ProjectionMagnitude>& projection) {
  if (!projection || !sensitivity.out.defined()) return {};
  return sensitivity.out * (2.0 * out_roundings * fp32_roundoff);
}

}  // namespace ringattn
