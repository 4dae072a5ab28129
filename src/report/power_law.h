#pragma once

#include <span>

namespace ringattn {

/// y = c·x^exponent, least squares over (ln x, ln y):
///   exponent = Σ(u-ū)(v-v̄) / Σ(u-ū)²,   u = ln x, v = ln y
/// with the interval of a slope under independent normal errors of v,
///   exponent ± t(0.975, n-2) · √(Σ residual² / (n-2) / Σ(u-ū)²)
/// (Draper and Smith, Applied Regression Analysis, §1.4).
struct PowerLaw {
  double exponent = 0.0;
  double low = 0.0;
  double high = 0.0;
};

/// All numbers positive. UsageError for fewer than three places, or fewer than two different x.
PowerLaw fit_power_law(std::span<const double> x, std::span<const double> y);

/// The value that Student's t with these degrees of freedom (at least 1) stays below with `probability` in (0.5, 1).
double student_t_quantile(double probability, int degrees);

}  // namespace ringattn
