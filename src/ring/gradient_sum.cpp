#include "ring/gradient_sum.h"

#include "comm/rank_sum.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>

namespace ringattn {
namespace {

template <typename T>
void sum_values(const at::Tensor& values, Communicator& communicator) {
  sum_over_ranks(communicator, std::span<T>(values.data_ptr<T>(), static_cast<std::size_t>(values.numel())));
}

}  // namespace

void sum_gradients(std::span<const at::Tensor> parameters, Communicator& communicator) {
  std::int64_t count = 0;
  for (const at::Tensor& parameter : parameters) count += parameter.numel();
  const bool is_wide = std::any_of(parameters.begin(), parameters.end(),
                                   [](const at::Tensor& parameter) { return parameter.scalar_type() == at::kDouble; });
  const at::Tensor all = at::zeros({count}, is_wide ? at::kDouble : at::kFloat);

  std::int64_t begin = 0;
  const auto place = [&](const at::Tensor& parameter) {
    const at::Tensor part = all.narrow(0, begin, parameter.numel()).view(parameter.sizes());
    begin += parameter.numel();
    return part;
  };
  for (const at::Tensor& parameter : parameters) {
    const at::Tensor part = place(parameter);
    if (parameter.grad().defined()) part.copy_(parameter.grad());
  }
  if (is_wide)
    sum_values<double>(all, communicator);
  else
    sum_values<float>(all, communicator);
  begin = 0;
  for (const at::Tensor& parameter : parameters)
    parameter.mutable_grad() = place(parameter).to(parameter.options().requires_grad(false), false, true);
}

}  // namespace ringattn
