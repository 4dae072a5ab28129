#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

// How a row's results of several ring steps become one: rightly, and in the ways of released code. Pure functions of
// what each step gave; fp64.

namespace ringattn::oracle {

/// What one step gave some rows: m = max s, Z = Σ e^{s-m}, U = Σ e^{s-m} v over the keys that the row sees, (batch,
/// heads, rows, 1 | 1 | value dim). A row that sees none of the step's keys has m = -inf, Z = 0, U = 0. A step without
/// any key has m undefined.
struct StepResult {
  at::Tensor maximum{}, sum{}, weighted{};
  bool has_keys() const { return maximum.defined(); }
  at::Tensor weigher{};    ///< the lse that the released code had for the row where that was another row's
  at::Tensor lse() const;  ///< m + log Z, or the weigher
  at::Tensor out() const;  ///< U / Z; NaN where the row sees nothing
};
using StepResults = std::vector<StepResult>;

/// (batch, heads, rows, value dim). Steps are in the order in which the rank met them.
using MergeRule = at::Tensor (*)(const StepResults& steps);

/// Σ e^{m_c - M} U_c / Σ e^{m_c - M} Z_c, M = max m_c; 0 where a row sees nothing at all.
at::Tensor merge_exact(const StepResults& steps);
/// The same, NaN where the row sees nothing of its first step: m = -inf is carried on as e^{-inf + inf}.
at::Tensor merge_unguarded(const StepResults& steps);
/// The same, NaN where the row sees nothing of any step that has keys.
at::Tensor merge_nan_if_hidden(const StepResults& steps);
/// U / (Z + 1e-8) with sums of e^s itself, no maximum subtracted: NaN where e^s overflowed in fp32, s > 88.72.
at::Tensor merge_without_maximum(const StepResults& steps);
/// Σ_c U_c / Z_c, not divided (R3); NaN where a step is all hidden.
at::Tensor merge_sum(const StepResults& steps);
/// (1 / W) Σ_c U_c / Z_c, W = the number of steps (R2); a step that is all hidden counts as 0.
at::Tensor merge_average(const StepResults& steps);
/// R4-a and R4-b: m_t = max(m of the step, L), U ← U e^{L - m_t} + Σ e^{s - m_t} v, L ← m_t + log(e^{L - m_t} +
/// Σ e^{s - m_t}), where U e^{m_{t-1} - m_t} would be right; the result is U / max(L, 1e-6) (a) or U / max(e^L, 1e-6)
/// (b), where U / e^{L - m} would be. A step that is all hidden changes nothing.
at::Tensor merge_divided_by_lse(const StepResults& steps);
at::Tensor merge_divided_by_exp_lse(const StepResults& steps);
/// R4-c: M = max(L, l), O ← O e^{L - M} + o e^{l - M}, L ← M + log(e^{L - M} + e^{l - M}), never divided: two equal
/// chunks come out twice too large. NaN where a step is all hidden, or no step has keys.
at::Tensor merge_undivided(const StepResults& steps);
/// R4-d: Σ_c e^{l_c} U_c / Σ_c e^{l_c}, l = m + log Z: sums that were never normalised weighed as if they were.
at::Tensor merge_unnormalised(const StepResults& steps);

}  // namespace ringattn::oracle
