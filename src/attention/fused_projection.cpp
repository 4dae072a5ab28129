#include "attention/fused_projection.h"

#include <ATen/ATen.h>

#include <vector>

namespace ringattn {
namespace {

at::Tensor bias_or_zero(const LinearLayer& layer) {
  return layer.bias.defined() ? layer.bias : at::zeros({layer.weight.size(0)}, layer.weight.options());
}

}  // namespace

FusedProjection::Heads FusedProjection::project(const at::Tensor& x) const {
  const std::vector<at::Tensor> parts =
      qkv(x).split_with_sizes({sizes.embed(), sizes.key_width(), sizes.key_width()}, -1);
  const auto heads = [&](const at::Tensor& part, std::int64_t count) {
    return part.unflatten(-1, {count, sizes.head_dim});
  };
  return {heads(parts[0], sizes.heads), heads(parts[1], sizes.kv_heads), heads(parts[2], sizes.kv_heads)};
}

FusedProjection FusedProjection::on(const at::Device& device) const {
  const auto moved = [&](const LinearLayer& layer) {
    return LinearLayer{layer.weight.to(device), layer.bias.defined() ? layer.bias.to(device) : at::Tensor()};
  };
  return {sizes, moved(qkv), moved(out)};
}

FusedProjection fuse(const Projection& projection) {
  const LinearLayer& q = projection.layer(InputTensor::query);
  const LinearLayer& k = projection.layer(InputTensor::key);
  const LinearLayer& v = projection.layer(InputTensor::value);
  const LinearLayer& out = projection.out_layer();
  FusedProjection fused{projection.sizes(),
                        {at::cat({q.weight, k.weight, v.weight})},
                        {out.weight.clone(), out.bias.defined() ? out.bias.clone() : at::Tensor()}};
  if (q.bias.defined() || k.bias.defined() || v.bias.defined())
    fused.qkv.bias = at::cat({bias_or_zero(q), bias_or_zero(k), bias_or_zero(v)});
  return fused;
}

}  // namespace ringattn
