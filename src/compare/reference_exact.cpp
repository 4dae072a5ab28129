#include "compare/reference_exact.h"

#include "attention/oracle.h"

#include <ATen/ATen.h>

#include <cmath>
#include <functional>

namespace ringattn {
namespace {

double softmax_scale(const FormulaInputs& in) {
  return in.function.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(in.query.size(3))));
}

double divisor(const AttentionFunction& function) {
  return function.axes.join == JoinRule::groups ? static_cast<double>(function.pairs.size()) : 1.0;
}

/// More value columns for the keys [first, first + count): (batch, count, key heads, columns).
using Columns = std::function<at::Tensor(std::int64_t first, const at::Tensor& key, const at::Tensor& value)>;

/// The oracle on values with these columns behind them; its out is both.
OracleResult evaluate_with(const FormulaInputs& in, const Columns& columns) {
  const OracleOptions options{.query_rows = in.rows, .mask = in.mask};
  const KeyValueSource keys = [&](std::int64_t first, std::int64_t count) {
    const at::Tensor key = in.key.narrow(1, first, count), value = in.value.narrow(1, first, count);
    if (!columns) return KeyValueRows{key, value};
    return KeyValueRows{key, at::cat({value.to(at::kDouble), columns(first, key, value)}, -1)};
  };
  return evaluate_oracle(in.function, in.query, keys, options);
}

/// The part of the result that is out, and the part behind it.
struct Split {
  at::Tensor out;
  at::Tensor columns;  ///< undefined: there are none
};
Split split(const OracleResult& result, std::int64_t dim) {
  if (result.out.size(3) == dim) return {result.out, {}};
  return {result.out.narrow(3, 0, dim).contiguous(), result.out.narrow(3, dim, result.out.size(3) - dim)};
}

/// The same where there are three columns: 0 where no row attends a key, so that the oracle never asked for them.
Split split_all(const OracleResult& result, std::int64_t dim) {
  Split parts = split(result, dim);
  if (!parts.columns.defined()) {
    const at::Tensor& out = parts.out;
    parts.columns = at::zeros({out.size(0), out.size(1), out.size(2), 3}, out.options());
  }
  return parts;
}

/// Averages by the weights before dropout, which rounding moves all alike.
at::Tensor undropped_columns(const FormulaInputs& in, const Columns& columns) {
  AttentionFunction function = in.function;
  function.dropout = 0.0;
  const FormulaInputs undropped{function, in.rows, in.query, in.key, in.value, in.mask};
  return split_all(evaluate_with(undropped, columns), in.value.size(3)).columns;
}

/// ‖(x, 1)‖₂ of each row, the 1 where a layer has a bias: (batch, n).
at::Tensor row_norms(const ProjectedInputs& inputs, at::ScalarType dtype) {
  const Positions all{{.first = 0, .count = inputs.seq_len(), .step = 1}};
  const at::Tensor squares =
      at::linalg_vector_norm(inputs.x().rows(all, dtype), 2, {{-1}}, false, at::kDouble).square();
  return (squares + 1.0).sqrt();
}

at::Tensor with_bias(const LinearLayer& layer) {
  return layer.bias.defined() ? at::cat({layer.weight, layer.bias.unsqueeze(1)}, 1) : layer.weight;
}

/// √(Σ_e x_e² W_ce² + b_c²) for each channel, by heads: (batch, rows, heads, head_dim). See ProjectedRowFacts.
at::Tensor error_norms(const LinearLayer& layer, const at::Tensor& x, std::int64_t head_dim) {
  const LinearLayer squared{layer.weight.square(), layer.bias.defined() ? layer.bias.square() : at::Tensor()};
  return squared(x.square()).sqrt().unflatten(-1, {-1, head_dim});
}

/// Of all rows and heads: (batch, n, heads or key heads).
struct LayerErrors {
  at::Tensor query, key, value;
};

LayerErrors layer_errors(const ProjectedInputs& inputs, const Projection& layers, at::ScalarType dtype) {
  const Positions all{{.first = 0, .count = inputs.seq_len(), .step = 1}};
  const at::Tensor x = inputs.x().rows(all, dtype).to(at::kDouble);
  const auto of = [&](InputTensor which) { return error_norms(layers.layer(which), x, layers.sizes().head_dim); };
  const auto norm = [](const at::Tensor& errors) { return at::linalg_vector_norm(errors, 2, {{-1}}); };
  return {norm(of(InputTensor::query)), norm(of(InputTensor::key)), of(InputTensor::value).amax(-1)};
}

double largest(const at::Tensor& values) { return values.max().item<double>(); }

/// The largest Frobenius norm of one head's part of a layer.
double head_norm(const LinearLayer& layer, std::int64_t head_dim) {
  const at::Tensor squares = with_bias(layer).square().sum(1);
  return std::sqrt(largest(squares.unflatten(0, {-1, head_dim}).sum(1)));
}

double channel_norm(const LinearLayer& layer) { return std::sqrt(largest(with_bias(layer).square().sum(1))); }

}  // namespace

InputMagnitude magnitude_of(const FormulaInputs& in, const at::Tensor& all_queries) {
  InputMagnitude magnitude = input_magnitude(all_queries, in.key, in.value);
  if (in.function.softmax_scale)
    magnitude.score *= std::abs(*in.function.softmax_scale) * std::sqrt(static_cast<double>(magnitude.head_dim));
  if (in.function.mask.is_additive && in.mask.defined() && in.mask.numel() > 0) {
    const at::Tensor finite = in.mask.masked_fill(at::isinf(in.mask), 0.0);
    magnitude.score += finite.abs().max().to(at::kDouble).item<double>();
  }
  if (in.function.dropout > 0.0 && in.function.dropout < 1.0) magnitude.value /= 1.0 - in.function.dropout;
  return magnitude;
}

ProjectionMagnitude projection_magnitude_of(const FormulaInputs& in, const at::Tensor& all_queries,
                                            const ProjectedInputs& inputs, at::ScalarType dtype) {
  const Projection layers = inputs.exact_projection(dtype);
  const auto norm = [](const at::Tensor& rows) { return largest(at::linalg_vector_norm(rows, 2, {{-1}})); };
  const double kept = in.function.dropout < 1.0 ? 1.0 - in.function.dropout : 1.0;
  return {.terms = layers.sizes().embed() + 1,
          .scale = std::abs(softmax_scale(in)),
          .row = largest(row_norms(inputs, dtype)),
          .query = norm(all_queries),
          .key = norm(in.key),
          .query_weight = head_norm(layers.layer(InputTensor::query), layers.sizes().head_dim),
          .key_weight = head_norm(layers.layer(InputTensor::key), layers.sizes().head_dim),
          .value_weight = channel_norm(layers.layer(InputTensor::value)) / kept,
          .out_weight = channel_norm(layers.out_layer()),
          .out_weight_sum = largest(layers.out_layer().weight.abs().sum(1))};
}

Exact evaluate_exactly(const FormulaInputs& in) {
  const Columns columns = [](std::int64_t, const at::Tensor& key, const at::Tensor& value) {
    return at::cat({value_column(value), sensitivity_columns(key, value)}, -1);
  };
  const OracleResult result = evaluate_with(in, columns);
  const Split parts = split_all(result, in.value.size(3));
  const at::Tensor averages = in.function.dropout > 0.0 ? undropped_columns(in, columns) : parts.columns;
  RowSensitivity sensitivity =
      row_sensitivity(in.query, softmax_scale(in), parts.out, averages.narrow(-1, 1, 2), divisor(in.function));
  // A weight that stays is divided by 1 - p.
  if (in.function.dropout > 0.0 && in.function.dropout < 1.0) sensitivity.out.div_(1.0 - in.function.dropout);
  if (!result.lse.defined()) sensitivity.lse = at::Tensor();
  sensitivity.value = parts.columns.select(-1, 0);
  return {{parts.out, result.lse}, std::move(sensitivity)};
}

Exact evaluate_exactly(const FormulaInputs& in, const ProjectedInputs& inputs, at::ScalarType dtype) {
  const Projection layers = inputs.exact_projection(dtype);
  if (layers.is_identity()) return evaluate_exactly(in);
  const LayerErrors errors = layer_errors(inputs, layers, dtype);
  const Columns columns = [&](std::int64_t first, const at::Tensor& key, const at::Tensor& value) {
    const at::Tensor of_key = errors.key.narrow(1, first, key.size(1)).unsqueeze(3);
    const at::Tensor of_value = errors.value.narrow(1, first, key.size(1)).unsqueeze(3);
    const at::Tensor with_value = of_key * value.abs().amax(-1, true);
    return at::cat({sensitivity_columns(key, value), of_key, with_value, of_value}, -1).nan_to_num_(0.0, 0.0, 0.0);
  };
  const OracleResult result = evaluate_with(in, in.function.dropout == 0.0 ? columns : Columns{});
  const Split parts = split(result, in.value.size(3));
  Exact exact{{layers.project_out(parts.out), result.lse}, {}};
  if (!parts.columns.defined()) return exact;
  const at::Tensor out_errors = error_norms(layers.out_layer(), parts.out.flatten(2), layers.sizes().head_dim).amax(-1);
  exact.sensitivity = projected_sensitivity(
      {.query = in.query,
       .softmax_scale = softmax_scale(in),
       .out = parts.out,
       .columns = parts.columns,
       .divisor = divisor(in.function),
       .query_errors = in.rows.empty() ? errors.query : errors.query.index_select(1, at::tensor(in.rows, at::kLong)),
       .out_errors = out_errors,
       .out_weight = layers.out_layer().weight});
  if (!result.lse.defined()) exact.sensitivity.lse = at::Tensor();
  return exact;
}

OracleGradient evaluate_gradient_exactly(const FormulaInputs& in, const at::Tensor& grad_out,
                                         const std::vector<std::int64_t>& key_rows) {
  const KeyValueSource keys = [&](std::int64_t first, std::int64_t count) {
    return KeyValueRows{in.key.narrow(1, first, count), in.value.narrow(1, first, count)};
  };
  return evaluate_oracle_gradient(in.function, in.query, keys, grad_out, {.key_rows = key_rows, .sensitivity = true},
                                  {.query_rows = in.rows, .mask = in.mask});
}

}  // namespace ringattn
