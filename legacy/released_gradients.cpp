#include "config/error.h"
#include "config/positions.h"
#include "legacy/autograd.h"
#include "legacy/gradients.h"
#include "legacy/raises.h"
#include "legacy/released_support.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <map>
#include <utility>

namespace ringattn::legacy {
namespace {

using Tensors = std::map<std::string, at::Tensor, std::less<>>;

/// grad_out as the rank's own loss has it: its share of n rows, or the rows that it returned where these are fewer.
at::Tensor of_own_loss(const Communicator& communicator, const at::Tensor& out, const at::Tensor& grad_out) {
  const std::int64_t n = grad_out.size(1), rows = out.size(1);
  if (rows < n) return grad_out.narrow(1, communicator.rank() * rows, rows);
  at::Tensor own = at::zeros_like(grad_out);
  for (const PositionRun& run : contiguous_positions(n, communicator.rank(), communicator.world_size()))
    own.narrow(1, run.first, run.count).copy_(grad_out.narrow(1, run.first, run.count));
  return own;
}

/// Throws where backward did not give what autograd gives.
void check_fate(const CatalogueEntry& entry, const ShippedGradient& gradient) {
  if (gradient.fate == GradientFate::raises)
    throw LegacyRaises(std::string(gradient.error), std::string(gradient.what));
  const bool is_beyond = gradient.fate == GradientFate::another || gradient.fate == GradientFate::not_recorded;
  if (is_beyond)
    throw Unavailable(std::string(entry.class_name) +
                      ": its gradient is not reproduced: " + std::string(gradient.what));
}

}  // namespace

std::vector<std::string> differentiable_inputs(const ReleasedInputs& inputs) {
  std::vector<std::string> names;
  for (const char* name : {"query", "key", "value", "x"}) {
    if (inputs.contains(name)) names.emplace_back(name);
  }
  return names;
}

ReleasedInputs released_gradients(const ReleasedEntry& entry, Communicator& communicator, const ReleasedInputs& inputs,
                                  const ReleasedArguments& arguments, const at::Tensor& grad_out) {
  const CatalogueEntry& catalogued = find_legacy(entry.alias);
  const ShippedGradient gradient = gradient_of_value(catalogued, {.ranks = communicator.world_size(),
                                                                  .is_causal = arguments.is_causal,
                                                                  .seq_len = grad_out.size(1),
                                                                  .batch = grad_out.size(0),
                                                                  .pairs = pairs_of(arguments)});
  check_fate(catalogued, gradient);
  const at::AutoGradMode recorded(true);
  const std::vector<std::string> names = differentiable_inputs(inputs);
  Tensors given = inputs.tensors();
  std::vector<at::Tensor> leaves;
  for (const std::string& name : names) leaves.push_back(given[name] = leaf(given[name]));
  const at::Tensor out = run_released(entry, communicator, ReleasedInputs(given), arguments);
  std::vector<at::Tensor> found = derivatives(out, leaves, of_own_loss(communicator, out, grad_out));
  Tensors result;
  for (std::size_t i = 0; i < names.size(); ++i)
    result[names[i]] = gradient.fate == GradientFate::zero ? at::zeros_like(found[i]) : found[i];
  return ReleasedInputs(std::move(result));
}

}  // namespace ringattn::legacy
