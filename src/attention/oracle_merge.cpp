#include "attention/oracle_merge.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

namespace ringattn::oracle {
namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

/// e^{a - b}, 0 where a is -inf, whatever b.
at::Tensor exp_difference(const at::Tensor& a, const at::Tensor& b) {
  return at::where(a == minus_infinity, at::zeros_like(a), at::exp(a - b));
}

/// The first step that has keys; there is one.
const StepResult& first_with_keys(const StepResults& steps) {
  for (const StepResult& step : steps) {
    if (step.has_keys()) return step;
  }
  return steps.front();
}

at::Tensor nan_where(const at::Tensor& condition, const at::Tensor& out) { return out.masked_fill(condition, NAN); }

at::Tensor hidden(const StepResult& step) { return step.maximum == minus_infinity; }

/// The recurrence of R4-a and R4-b.
struct CarriedLse {
  at::Tensor weighted, lse;
};

CarriedLse carry_lse(const StepResults& steps) {
  CarriedLse state;
  for (const StepResult& step : steps) {
    if (!step.has_keys()) continue;
    if (!state.lse.defined()) {
      state = {at::zeros_like(step.weighted), at::full_like(step.maximum, minus_infinity)};
    }
    const at::Tensor m = at::maximum(step.maximum, state.lse);
    const at::Tensor before = exp_difference(state.lse, m), now = exp_difference(step.maximum, m);
    const at::Tensor unchanged = hidden(step);
    state.weighted = at::where(unchanged, state.weighted, state.weighted * before + step.weighted * now);
    state.lse = at::where(unchanged, state.lse, m + at::log(before + step.sum * now));
  }
  return state;
}

}  // namespace

at::Tensor StepResult::lse() const { return weigher.defined() ? weigher : maximum + at::log(sum); }
at::Tensor StepResult::out() const { return weighted / sum; }

at::Tensor merge_exact(const StepResults& steps) {
  const StepResult& first = first_with_keys(steps);
  at::Tensor maximum = first.maximum;
  for (const StepResult& step : steps) {
    if (step.has_keys()) maximum = at::maximum(maximum, step.maximum);
  }
  at::Tensor sum = at::zeros_like(first.sum), weighted = at::zeros_like(first.weighted);
  for (const StepResult& step : steps) {
    if (!step.has_keys()) continue;
    const at::Tensor weight = exp_difference(step.maximum, maximum);
    sum = sum + weight * step.sum;
    weighted = weighted + weight * step.weighted;
  }
  return at::where(sum == 0, at::zeros_like(weighted), weighted / sum);
}

at::Tensor merge_unguarded(const StepResults& steps) {
  return nan_where(hidden(first_with_keys(steps)), merge_exact(steps));
}

at::Tensor merge_nan_if_hidden(const StepResults& steps) {
  at::Tensor out = merge_exact(steps);
  for (const StepResult& step : steps) {
    if (step.has_keys()) out = nan_where(hidden(step), out);
  }
  return out;
}

at::Tensor merge_without_maximum(const StepResults& steps) {
  constexpr double overflow = 88.7228;  // log of the largest fp32 number
  at::Tensor sum, weighted, overflowed;
  for (const StepResult& step : steps) {
    if (!step.has_keys()) continue;
    const at::Tensor scale = at::exp(step.maximum);
    sum = sum.defined() ? sum + scale * step.sum : scale * step.sum;
    weighted = weighted.defined() ? weighted + scale * step.weighted : scale * step.weighted;
    const at::Tensor above = step.maximum > overflow;
    overflowed = overflowed.defined() ? at::logical_or(overflowed, above) : above;
  }
  return nan_where(overflowed, weighted / (sum + 1e-8));
}

at::Tensor merge_sum(const StepResults& steps) {
  at::Tensor out = at::zeros_like(first_with_keys(steps).weighted);
  for (const StepResult& step : steps) {
    if (step.has_keys()) out = out + step.out();
  }
  return out;
}

at::Tensor merge_average(const StepResults& steps) {
  at::Tensor out = at::zeros_like(first_with_keys(steps).weighted);
  for (const StepResult& step : steps) {
    if (step.has_keys()) out = out + at::where(hidden(step), at::zeros_like(out), step.out());
  }
  return out / static_cast<double>(steps.size());
}

at::Tensor merge_divided_by_lse(const StepResults& steps) {
  const CarriedLse state = carry_lse(steps);
  return state.weighted / at::clamp_min(state.lse, 1e-6);
}

at::Tensor merge_divided_by_exp_lse(const StepResults& steps) {
  const CarriedLse state = carry_lse(steps);
  return state.weighted / at::clamp_min(at::exp(state.lse), 1e-6);
}

at::Tensor merge_undivided(const StepResults& steps) {
  at::Tensor out, lse;
  for (const StepResult& step : steps) {
    if (!step.has_keys()) continue;
    if (!lse.defined()) {
      out = step.out();
      lse = step.lse();
      continue;
    }
    const at::Tensor maximum = at::maximum(lse, step.lse());
    const at::Tensor before = at::exp(lse - maximum), now = at::exp(step.lse() - maximum);
    out = out * before + step.out() * now;
    lse = maximum + at::log(before + now);
  }
  return out;
}

at::Tensor merge_unnormalised(const StepResults& steps) {
  at::Tensor maximum;
  for (const StepResult& step : steps) {
    if (step.has_keys()) maximum = maximum.defined() ? at::maximum(maximum, step.lse()) : step.lse();
  }
  at::Tensor sum, weighted;
  for (const StepResult& step : steps) {
    if (!step.has_keys()) continue;
    const at::Tensor weight = exp_difference(step.lse(), maximum);
    sum = sum.defined() ? sum + weight : weight;
    weighted = weighted.defined() ? weighted + weight * step.weighted : weight * step.weighted;
  }
  return weighted / sum;
}

}  // namespace ringattn::oracle
