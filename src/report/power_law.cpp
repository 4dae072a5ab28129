#include "report/power_law.h"

#include "config/error.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace ringattn {
namespace {

/// f(t) = Γ((ν+1)/2) / (√(νπ)·Γ(ν/2)) · (1 + t²/ν)^(-(ν+1)/2)
double student_density(double t, double nu) {
  const double log_scale = std::lgamma((nu + 1) / 2) - std::lgamma(nu / 2) - 0.5 * std::log(nu * std::numbers::pi);
  return std::exp(log_scale - (nu + 1) / 2 * std::log1p(t * t / nu));
}

/// P(0 < T < t), by Simpson's rule.
double probability_up_to(double t, double nu) {
  constexpr int intervals = 2000;
  const double width = t / intervals;
  double sum = student_density(0.0, nu) + student_density(t, nu);
  for (int i = 1; i < intervals; ++i) sum += student_density(i * width, nu) * (i % 2 == 1 ? 4 : 2);
  return sum * width / 3;
}

}  // namespace

double student_t_quantile(double probability, int degrees) {
  const double wanted = probability - 0.5;
  double low = 0.0, high = 1.0;
  while (probability_up_to(high, degrees) < wanted) high *= 2;
  for (int step = 0; step < 50; ++step) {
    const double middle = (low + high) / 2;
    (probability_up_to(middle, degrees) < wanted ? low : high) = middle;
  }
  return (low + high) / 2;
}

PowerLaw fit_power_law(std::span<const double> x, std::span<const double> y) {
  constexpr std::size_t places_min = 3;
  if (x.size() < places_min || x.size() != y.size())
    throw UsageError("a power law needs at least three places, each with a value");
  const auto n = static_cast<double>(x.size());
  double mean_u = 0, mean_v = 0, uu = 0, uv = 0, vv = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_u += std::log(x[i]) / n;
    mean_v += std::log(y[i]) / n;
  }
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double du = std::log(x[i]) - mean_u, dv = std::log(y[i]) - mean_v;
    uu += du * du, uv += du * dv, vv += dv * dv;
  }
  if (uu <= 0.0) throw UsageError("a power law needs two different places");
  const double exponent = uv / uu;
  const double residual = std::max(0.0, vv - exponent * uv);
  const double half = student_t_quantile(0.975, static_cast<int>(x.size()) - 2) * std::sqrt(residual / (n - 2) / uu);
  return {exponent, exponent - half, exponent + half};
}

}  // namespace ringattn
