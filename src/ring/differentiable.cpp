#include "ring/differentiable.h"

#include "config/error.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <string>
#include <utility>

namespace ringattn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Variable;
using torch::autograd::variable_list;

/// What a node calls, as a value that an autograd context can hold.
struct RingCall final : torch::CustomClassHolder {
  RingCall(std::shared_ptr<RingAttention> its_attention, Communicator& its_communicator, at::Tensor its_mask)
      : attention(std::move(its_attention)), communicator(its_communicator), mask(std::move(its_mask)) {}
  const std::shared_ptr<RingAttention> attention;
  Communicator& communicator;
  const at::Tensor mask;  ///< a graph has no place for an undefined one
};

constexpr const char* kCall = "call";

struct RingFunction final : torch::autograd::Function<RingFunction> {
  static variable_list forward(AutogradContext* context, const Variable& query, const Variable& key,
                               const Variable& value, const c10::intrusive_ptr<RingCall>& call) {
    const Partial result = call->attention->forward(call->communicator, {query, key, value, call->mask});
    context->saved_data[kCall] = c10::IValue::make_capsule(call);
    context->save_for_backward({query, key, value, result.out, result.lse});
    if (!result.lse.defined()) return {result.out};
    context->mark_non_differentiable({result.lse});
    return {result.out, result.lse};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto call = c10::static_intrusive_pointer_cast<RingCall>(context->saved_data[kCall].toCapsule());
    if (at::GradMode::is_enabled())
      throw RuntimeFailure(
          "rank " + std::to_string(call->communicator.rank()) +
          ": derivatives of the ring's derivatives are not computed; call backward without create_graph");
    const variable_list saved = context->get_saved_variables();
    const at::Tensor grad_out = gradients[0].defined() ? gradients[0] : at::zeros_like(saved[3]);
    Gradients result = call->attention->backward(call->communicator, {saved[0], saved[1], saved[2], call->mask},
                                                 {saved[3], saved[4]}, grad_out);
    return {std::move(result.query), std::move(result.key), std::move(result.value), at::Tensor()};
  }
};

}  // namespace

Partial differentiable_forward(const std::shared_ptr<RingAttention>& attention, Communicator& communicator,
                               const RankInputs& inputs) {
  const auto requires_gradient = [](const at::Tensor& tensor) { return tensor.defined() && tensor.requires_grad(); };
  const bool is_recorded =
      at::GradMode::is_enabled() &&
      (requires_gradient(inputs.query) || requires_gradient(inputs.key) || requires_gradient(inputs.value));
  if (!is_recorded) return attention->forward(communicator, inputs);
  const variable_list result = RingFunction::apply(inputs.query, inputs.key, inputs.value,
                                                   c10::make_intrusive<RingCall>(attention, communicator, inputs.mask));
  return {result[0], result.size() > 1 ? result[1] : at::Tensor()};
}

}  // namespace ringattn
