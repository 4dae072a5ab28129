#include "compare/gradient_judge.h"

#include "compare/tensor_judge.h"
#include "compare/tier.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace ringattn {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double fp32_roundoff = 0x1p-24;
constexpr double fp64_roundoff = 0x1p-53;

/// One of the three tensors, and what goes with it.
struct Part {
  const char* name;
  at::Tensor got, want, baseline, sensitivity, in_type;
  double bound = infinity;
};
using Parts = std::array<Part, 3>;

Parts parts_of(const Gradients& got, const Gradients& want) {
  return {Part{"dq", got.query, want.query, {}, {}, {}}, Part{"dk", got.key, want.key, {}, {}, {}},
          Part{"dv", got.value, want.value, {}, {}, {}}};
}

std::string words(const at::Tensor& tensor) {
  if (!tensor.defined()) return "no tensor";
  std::string sizes;
  for (const std::int64_t size : tensor.sizes()) sizes += (sizes.empty() ? "" : ", ") + std::to_string(size);
  return fmt::format("({}) {}", sizes, c10::toString(tensor.scalar_type()));
}

/// "" where the tensors can be compared.
std::string mismatch(const Parts& parts, bool same_dtype) {
  for (const Part& part : parts) {
    const bool fits = part.got.defined() && part.want.defined() && part.got.dim() == 4 &&
                      part.got.sizes() == part.want.sizes() && part.got.is_floating_point() &&
                      (!same_dtype || part.got.scalar_type() == part.want.scalar_type());
    if (!fits) return fmt::format("{} is {}, expected {}", part.name, words(part.got), words(part.want));
  }
  return "";
}

/// Where some of them have a yardstick, all must.
std::string baseline_mismatch(const Parts& parts, Tier tier) {
  for (const Part& part : parts) {
    if (!part.baseline.defined()) {
      if (tier == Tier::precision) return "no direct gradients to compare with: low precision is judged against some";
      continue;
    }
    if (part.baseline.sizes() != part.got.sizes() || part.baseline.scalar_type() != part.got.scalar_type())
      return fmt::format("the baseline's {} is {}, expected {}", part.name, words(part.baseline), words(part.got));
  }
  return "";
}

TensorRule fp32_rule(const Part& part) {
  TensorRule rule;
  rule.element = {1e-5, 1.3e-6, 0.0, part.bound};
  rule.baseline_relaxes = part.baseline.defined();
  if (part.sensitivity.defined()) rule.row_allowance = part.sensitivity * (gradient_roundings * fp32_roundoff);
  return rule;
}

TensorRule fp64_rule(const Part& part) {
  TensorRule rule;
  rule.element = {1e-12, 1e-12, 0.0, 2.0 * part.bound};
  if (part.sensitivity.defined()) rule.row_allowance = part.sensitivity * (2.0 * gradient_roundings * fp64_roundoff);
  return rule;
}

/// The floor of the rows' terms is in units of f as the rule wants them, see TensorRule.
TensorRule precision_rule(const Part& part) {
  TensorRule rule;
  rule.element = {std::numeric_limits<double>::max(), 0.0, 0.0, std::numeric_limits<double>::max()};
  rule.by_rmse = true;
  rule.rmse_floor = rmse_floor(part.got.scalar_type());
  rule.rmse_lost = lost_below_normal(part.got.scalar_type());
  if (!part.sensitivity.defined()) return rule;
  rule.rmse_terms = part.sensitivity * (gradient_roundings * fp32_roundoff / rule.rmse_floor);
  if (part.in_type.defined()) rule.rmse_terms = at::hypot(rule.rmse_terms, 2.0 * part.in_type);
  return rule;
}

TensorRule rule_of(const Part& part, Tier tier) {
  if (tier == Tier::logic) return fp32_rule(part);
  return tier == Tier::fp64 ? fp64_rule(part) : precision_rule(part);
}

void enter(TensorVerdict tensor, NumericVerdict& verdict) {
  if (!tensor.passed) {
    verdict.reason += (verdict.passed ? "" : "; ") + tensor.reason;
    verdict.passed = false;
  }
  verdict.tensors.push_back(std::move(tensor));
}

NumericVerdict refused(Tier tier, const std::string& against, const std::string& reason) {
  NumericVerdict verdict;
  verdict.tier = tier;
  verdict.against = against;
  verdict.reason = reason;
  return verdict;
}

NumericVerdict passing(Tier tier, const std::string& against) {
  NumericVerdict verdict = refused(tier, against, "");
  verdict.passed = true;
  return verdict;
}

double largest(const at::Tensor& tensor) {
  if (!tensor.defined()) return infinity;
  return tensor.numel() == 0 ? 0.0 : tensor.max().item<double>();
}

double finite_or_infinity(double bound) { return std::isfinite(bound) ? bound : infinity; }

}  // namespace

GradientBound gradient_bound(const InputMagnitude& inputs, const GradientSensitivity& sensitivity, std::int64_t shared,
                             double unit_roundoff) {
  const double u = unit_roundoff;
  const auto sum_error = [u](double terms) { return 8.0 * std::sqrt(terms) * u; };
  const ErrorBound forward = rounding_bound(inputs, u);
  const auto dim = static_cast<double>(inputs.head_dim), keys = static_cast<double>(inputs.keys);
  const double queries = keys * static_cast<double>(shared);
  const double score = sum_error(dim + 2.0) * inputs.score + 2.0 * u * inputs.score + 4.0 * u;
  const double weight = score + forward.lse + 4.0 * u;
  const double out = inputs.value > 0.0 ? forward.out / inputs.value : 0.0;
  const double products = 2.0 * sum_error(dim) + out + 2.0 * u;
  const double lost = queries * (u > fp64_roundoff ? 0x1p-126 : 0x1p-1022);
  const auto bound = [&](double relative, const at::Tensor& rows) {
    return finite_or_infinity(relative * largest(rows) + lost);
  };
  return {bound(weight + products + sum_error(keys), sensitivity.query),
          bound(weight + products + sum_error(queries), sensitivity.key),
          bound(weight + sum_error(queries) + 2.0 * u, sensitivity.value)};
}

NumericVerdict judge_gradients(const Gradients& result, const Gradients& oracle, const GradientContext& context) {
  const Tier tier = result.query.defined() ? tier_of(result.query) : Tier::logic;
  Parts parts = parts_of(result, oracle);
  const double u = tier == Tier::fp64 ? fp64_roundoff : fp32_roundoff;
  const GradientBound bound = gradient_bound(context.inputs, context.sensitivity, context.shared, u);
  const std::array baselines{context.baseline.query, context.baseline.key, context.baseline.value};
  const std::array sensitivities{context.sensitivity.query, context.sensitivity.key, context.sensitivity.value};
  const std::array in_type{context.sensitivity.query_in_type, context.sensitivity.key_in_type,
                           context.sensitivity.value_in_type};
  const std::array bounds{bound.query, bound.key, bound.value};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    parts[i].baseline = tier == Tier::fp64 ? at::Tensor() : baselines[i];
    parts[i].sensitivity = sensitivities[i];
    parts[i].in_type = in_type[i];
    parts[i].bound = bounds[i];
  }
  std::string problem = mismatch(parts, false);
  if (problem.empty()) problem = baseline_mismatch(parts, tier);
  if (!problem.empty()) return refused(tier, "oracle", problem);
  NumericVerdict verdict = passing(tier, "oracle");
  for (const Part& part : parts) {
    if (part.got.numel() == 0) continue;
    enter(judge_tensor(part.name, part.got, part.want, part.baseline, rule_of(part, tier), true), verdict);
  }
  return verdict;
}

NumericVerdict judge_gradient_tolerance(const Gradients& got, const Gradients& want, const Tolerance& tolerance,
                                        const std::string& against) {
  const Parts parts = parts_of(got, want);
  const std::string problem = mismatch(parts, true);
  if (!problem.empty()) return refused(Tier::tolerance, against, problem);
  NumericVerdict verdict = passing(Tier::tolerance, against);
  TensorRule rule;
  rule.element = {tolerance.atol, tolerance.rtol, 0.0, infinity};
  for (const Part& part : parts) {
    if (part.got.numel() > 0) enter(judge_tensor(part.name, part.got, part.want, {}, rule, true), verdict);
  }
  return verdict;
}

NumericVerdict joined(NumericVerdict forward, const NumericVerdict& gradients) {
  forward.tensors.insert(forward.tensors.end(), gradients.tensors.begin(), gradients.tensors.end());
  if (!gradients.reason.empty()) forward.reason += (forward.reason.empty() ? "" : "; ") + gradients.reason;
  forward.passed = forward.passed && gradients.passed;
  return forward;
}

}  // namespace ringattn
