#include "attention/projection.h"

#include "attention/counter_random.h"
#include "config/error.h"

#include <ATen/ATen.h>

#include <cmath>
#include <span>
#include <utility>

namespace ringattn {
namespace {

bool is_eye(const LinearLayer& layer) {
  const at::Tensor& w = layer.weight;
  return !layer.bias.defined() && w.size(0) == w.size(1) && at::equal(w, at::eye(w.size(0), w.options()));
}

LinearLayer as_type(const LinearLayer& layer, at::ScalarType dtype) {
  return {layer.weight.to(dtype), layer.bias.defined() ? layer.bias.to(dtype) : at::Tensor()};
}

/// Layer `number` of four; its counters (column / 4; row, 0, 64 + number as the tensor) are those of no input.
at::Tensor random_weight(std::int64_t rows, std::int64_t columns, std::uint64_t seed, std::uint32_t number) {
  at::Tensor weight = at::empty({rows, columns}, at::kFloat);
  const auto width = static_cast<std::size_t>(columns);
  float* out = weight.data_ptr<float>();
  const std::array<std::uint32_t, 2> key{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  for (std::int64_t row = 0; row < rows; ++row, out += width)
    fill_normal({out, width}, 0, {static_cast<std::uint32_t>(row), 0, (64 + number) << 24}, key);
  return weight.mul_(1.0 / std::sqrt(static_cast<double>(columns)));
}

}  // namespace

at::Tensor LinearLayer::operator()(const at::Tensor& x) const { return at::linear(x, weight, bias); }

Projection::Projection(ProjectionSizes sizes, LinearLayer query, LinearLayer key, LinearLayer value, LinearLayer out)
    : sizes_(sizes),
      query_(std::move(query)),
      key_(std::move(key)),
      value_(std::move(value)),
      out_(std::move(out)),
      is_identity_(is_eye(query_) && is_eye(key_) && is_eye(value_) && is_eye(out_)) {}

const LinearLayer& Projection::layer(InputTensor which) const {
  return which == InputTensor::query ? query_ : which == InputTensor::key ? key_ : value_;
}

at::Tensor Projection::project(InputTensor which, const at::Tensor& x) const {
  const std::int64_t heads = which == InputTensor::query ? sizes_.heads : sizes_.kv_heads;
  return layer(which)(x).unflatten(-1, {heads, sizes_.head_dim}).contiguous();
}

at::Tensor Projection::project_out(const at::Tensor& core) const {
  return out_(core.flatten(-2)).unflatten(-1, {sizes_.heads, sizes_.head_dim});
}

Projection Projection::to(at::ScalarType dtype) const {
  return {sizes_, as_type(query_, dtype), as_type(key_, dtype), as_type(value_, dtype), as_type(out_, dtype)};
}

Projection identity_projection(const ProjectionSizes& sizes) {
  if (sizes.kv_heads != sizes.heads)
    throw UsageError("--projection identity: " + std::to_string(sizes.kv_heads) + " key and value heads are fewer than " +
                     std::to_string(sizes.heads) + " query heads, so no identity leads to them; use random");
  const auto eye = [&] { return LinearLayer{at::eye(sizes.embed(), at::kFloat)}; };
  return {sizes, eye(), eye(), eye(), eye()};
}

Projection random_projection(const ProjectionSizes& sizes, std::uint64_t seed) {
  const auto layer = [&](std::int64_t rows, std::uint32_t number) {
    return LinearLayer{random_weight(rows, sizes.embed(), seed, number)};
  };
  return {sizes, layer(sizes.embed(), 0), layer(sizes.key_width(), 1), layer(sizes.key_width(), 2),
          layer(sizes.embed(), 3)};
}

std::vector<std::pair<std::string, at::Tensor>> named_layers(const Projection& projection) {
  std::vector<std::pair<std::string, at::Tensor>> named;
  const auto add = [&named](const std::string& name, const LinearLayer& layer) {
    named.emplace_back(name + ".weight", layer.weight);
    if (layer.bias.defined()) named.emplace_back(name + ".bias", layer.bias);
  };
  const LinearLayer& q = projection.layer(InputTensor::query);
  const LinearLayer& k = projection.layer(InputTensor::key);
  const LinearLayer& v = projection.layer(InputTensor::value);
  add("q_proj", q);
  add("k_proj", k);
  add("v_proj", v);
  add("out_proj", projection.out_layer());
  const bool all_biased = q.bias.defined() && k.bias.defined() && v.bias.defined();
  const bool none_biased = !q.bias.defined() && !k.bias.defined() && !v.bias.defined();
  if (all_biased || none_biased)
    add("qkv_proj", {at::cat({q.weight, k.weight, v.weight}),
                     all_biased ? at::cat({q.bias, k.bias, v.bias}) : at::Tensor()});
  return named;
}

}  // namespace ringattn
