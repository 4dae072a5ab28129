#include "compare/validate_gradients.h"

#include "compare/gradient_judge.h"
#include "compare/reference.h"
#include "config/error.h"
#include "measure/assemble.h"
#include "measure/clock.h"
#include "measure/runner.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

namespace ringattn {
namespace {

constexpr double unit_roundoff = 0x1p-53;

/// x + t·d, in fp64; grad_out and mask as they are.
class MovedInputs final : public InputSource {
 public:
  MovedInputs(const InputSource& inputs, const InputSource& direction, double distance)
      : InputSource({inputs.batch(), inputs.seq_len(), inputs.heads(), inputs.head_dim(), inputs.kv_heads(),
                     inputs.mask_shape()}),
        inputs_(inputs),
        direction_(direction),
        distance_(distance) {}

 private:
  at::Tensor do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const override {
    const at::Tensor rows = inputs_.rows(which, positions, dtype);
    if (which == InputTensor::grad_out) return rows;
    return rows + direction_.rows(which, positions, dtype) * distance_;
  }
  at::Tensor do_mask(const Positions& positions) const override { return inputs_.mask(positions); }

  const InputSource& inputs_;
  const InputSource& direction_;
  double distance_;
};

class Validator {
 public:
  Validator(World& world, Attention& attention, const InputSource& inputs, const GradientValidationOptions& options)
      : world_(world),
        attention_(attention),
        inputs_(inputs),
        options_(options),
        grad_out_(inputs.rows(InputTensor::grad_out, all(), at::kDouble)),
        value_max_(inputs.rows(InputTensor::value, all(), at::kDouble).abs().max().item<double>()) {}

  GradientValidation run() {
    const std::int64_t start_ns = now_ns();
    const MeteredRun run = meter(world_, attention_, inputs_, at::kDouble, Pass::both);
    const Gradients gradients = assemble(attention_, run.gradients);
    ++found_.cost.forward_calls;
    ++found_.cost.backward_calls;
    judge(gradients);
    for (std::int64_t i = 0; i < options_.directions; ++i)
      found_.directions.push_back(compare_along(options_.seed + static_cast<std::uint64_t>(i) + 1, gradients));
    found_.cost.time_ns = now_ns() - start_ns;
    return std::move(found_);
  }

 private:
  Positions all() const { return {{.first = 0, .count = inputs_.seq_len(), .step = 1}}; }

  /// Of one product over all (row, head, key): 2 · batch · heads · n² · dim.
  double product_flops() const {
    const auto n = static_cast<double>(inputs_.seq_len());
    return 2.0 * static_cast<double>(inputs_.batch() * inputs_.heads() * inputs_.head_dim()) * n * n;
  }

  void judge(const Gradients& gradients) {
    ReferenceBook references(inputs_, {});
    const GradientReference& expected = references.gradients_of(attention_.function(), at::kDouble);
    found_.against_oracle = judge_gradients(gradients, expected.oracle, context_of(expected));
    found_.cost.oracle_flops = 7.0 * product_flops();
  }

  double loss(const InputSource& direction, double distance) {
    const MovedInputs moved(inputs_, direction, distance);
    const MeteredRun run = meter(world_, attention_, moved, at::kDouble);
    ++found_.cost.forward_calls;
    found_.cost.difference_flops += 2.0 * product_flops();
    return assemble(attention_, run.results).out.mul(grad_out_).sum().item<double>();
  }

  DirectionalDerivative compare_along(std::uint64_t seed, const Gradients& gradients) {
    const std::unique_ptr<InputSource> direction = generated_inputs({.seed = seed,
                                                                     .batch = inputs_.batch(),
                                                                     .seq_len = inputs_.seq_len(),
                                                                     .heads = inputs_.heads(),
                                                                     .head_dim = inputs_.head_dim(),
                                                                     .kv_heads = inputs_.kv_heads()});
    const double h = options_.step;
    double largest_loss = 0.0;
    const auto difference = [&](double step) {
      const double ahead = loss(*direction, step), behind = loss(*direction, -step);
      largest_loss = std::max({largest_loss, std::abs(ahead), std::abs(behind)});
      return (ahead - behind) / (2.0 * step);
    };
    const std::array<double, 3> d{difference(h), difference(h / 2), difference(h / 4)};
    const double coarse = (4.0 * d[1] - d[0]) / 3.0, fine = (4.0 * d[2] - d[1]) / 3.0;
    const double loss_error = unit_roundoff * (8.0 * value_max_ * grad_out_.norm().item<double>() + largest_loss);
    return {fine, along(*direction, gradients), std::abs(fine - coarse) + 6.0 * loss_error / h};
  }

  double along(const InputSource& direction, const Gradients& gradients) const {
    const auto product = [&](InputTensor which, const at::Tensor& gradient) {
      return direction.rows(which, all(), at::kDouble).mul(gradient).sum().item<double>();
    };
    return product(InputTensor::query, gradients.query) + product(InputTensor::key, gradients.key) +
           product(InputTensor::value, gradients.value);
  }

  World& world_;
  Attention& attention_;
  const InputSource& inputs_;
  const GradientValidationOptions& options_;
  at::Tensor grad_out_;
  double value_max_;
  GradientValidation found_;
};

void check(const Attention& attention, const GradientValidationOptions& options) {
  const std::string why = attention.why_no_backward();
  if (!why.empty()) throw Unavailable("validate_gradients: " + why);
  if (options.directions < 1) throw UsageError(fmt::format("directions: {}, must be at least 1", options.directions));
  if (!(options.step > 0.0)) throw UsageError(fmt::format("step: {}, must be above 0", options.step));
}

}  // namespace

double DirectionalDerivative::error() const {
  const double difference = std::abs(measured - foretold);
  return std::isfinite(difference) ? difference : std::numeric_limits<double>::infinity();
}

bool GradientValidation::passed() const {
  return against_oracle.passed &&
         std::all_of(directions.begin(), directions.end(), [](const DirectionalDerivative& d) { return d.passed(); });
}

GradientValidation validate_gradients(World& world, Attention& attention, const InputSource& inputs,
                                      const GradientValidationOptions& options) {
  check(attention, options);
  return Validator(world, attention, inputs, options).run();
}

std::string to_string(const GradientValidation& validation) {
  std::string text;
  for (const TensorVerdict& tensor : validation.against_oracle.tensors) {
    text += fmt::format("{} against the oracle: {}, off by {:.3g} at most, {:.3g} of what is allowed\n", tensor.tensor,
                        tensor.passed ? "right" : "wrong", tensor.worst_abs.abs_error,
                        tensor.worst_block.ratio / tensor.worst_block.allowed);
  }
  if (validation.against_oracle.tensors.empty()) text += validation.against_oracle.reason + "\n";
  for (const DirectionalDerivative& d : validation.directions) {
    text +=
        fmt::format("finite differences: {}, {:.10g} where the gradient says {:.10g}: off by {:.3g}, {:.3g} allowed\n",
                    d.passed() ? "right" : "wrong", d.measured, d.foretold, d.error(), d.tolerance);
  }
  const GradientValidationCost& cost = validation.cost;
  return text + fmt::format(
                    "cost: {} forward and {} backward calls in fp64; {:.3g} FLOP for the differences, {:.3g} for "
                    "the oracle; {:.2f} s\n",
                    cost.forward_calls, cost.backward_calls, cost.difference_flops, cost.oracle_flops,
                    static_cast<double>(cost.time_ns) * 1e-9);
}

}  // namespace ringattn
