#include "measure/hiding.h"

#include "config/error.h"

#include <cmath>
#include <string>

namespace ringattn {
namespace {

void check(const HidingProblem& problem) {
  const auto positive = [](const char* field, double value) {
    if (!(value > 0.0) || !std::isfinite(value))
      throw UsageError(std::string(field) + ": " + std::to_string(value) + ", must be positive");
  };
  positive("flops_per_s", problem.flops_per_s);
  positive("bytes_per_s", problem.bytes_per_s);
  positive("element_bytes", problem.element_bytes);
  positive("heads_per_key", problem.heads_per_key);
}

double work_share(const HidingProblem& problem) { return problem.is_balanced_causal ? 0.5 : 1.0; }

}  // namespace

double hiding_length(const HidingProblem& problem) {
  check(problem);
  return problem.element_bytes * problem.flops_per_s /
         (2.0 * problem.bytes_per_s * problem.heads_per_key * work_share(problem));
}

double hiding_length(const HidingProblem& problem, double latency_s, std::int64_t batch, std::int64_t heads,
                     std::int64_t head_dim) {
  check(problem);
  const double row_heads = static_cast<double>(batch * heads * head_dim);
  // a · L² = b · L + α
  const double a = 4.0 * row_heads * work_share(problem) / problem.flops_per_s;
  const double b = 2.0 * row_heads / problem.heads_per_key * problem.element_bytes / problem.bytes_per_s;
  return (b + std::sqrt(b * b + 4.0 * a * latency_s)) / (2.0 * a);
}

double hiding_length_backward(const HidingProblem& problem, double gradient_bytes) {
  check(problem);
  return (problem.element_bytes + gradient_bytes) * problem.flops_per_s /
         (5.0 * problem.bytes_per_s * problem.heads_per_key * work_share(problem));
}

double hiding_length_dilated(double dense_length, std::int64_t rate) {
  return static_cast<double>(rate) * dense_length;
}

}  // namespace ringattn
