#include "legacy/autograd.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace ringattn::legacy {

bool is_recorded(const at::Tensor& tensor) { return at::GradMode::is_enabled() && tensor.requires_grad(); }

at::Tensor filled(const at::Tensor& tensor, const at::Tensor& mask, double value) {
  if (is_recorded(tensor)) return tensor.masked_fill(mask, value);
  at::Tensor same = tensor;
  return same.masked_fill_(mask, value);
}

at::Tensor leaf(const at::Tensor& tensor) { return tensor.detach().requires_grad_(true); }

at::Tensor received_into_copy(const at::Tensor& held, const at::Tensor& received) {
  if (!is_recorded(held)) return received;
  const at::Tensor copy = held.clone();
  copy.variable_data().copy_(received);
  return copy;
}

std::vector<at::Tensor> derivatives(const at::Tensor& out, const std::vector<at::Tensor>& leaves,
                                    const at::Tensor& grad_out) {
  for (const at::Tensor& tensor : leaves) tensor.mutable_grad() = at::Tensor();
  if (out.requires_grad()) out.backward(grad_out, /*retain_graph=*/false, /*create_graph=*/false, leaves);
  std::vector<at::Tensor> result;
  for (const at::Tensor& tensor : leaves) {
    result.push_back(tensor.grad().defined() ? tensor.grad() : at::zeros_like(tensor));
    tensor.mutable_grad() = at::Tensor();
  }
  return result;
}

}  // namespace ringattn::legacy
