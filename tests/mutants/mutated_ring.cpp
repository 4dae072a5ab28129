#include "tests/mutants/mutated_ring.h"

#include "attention/backward_executor.h"
#include "tests/mutants/mutated_backend.h"
#include "tests/mutants/mutated_communicator.h"

#include <ATen/core/LegacyTypeDispatch.h>

namespace ringattn::mutants {

MutatedRing::MutatedRing(RingAttention& ring, const Mutant& mutant, const InputSource& source)
    : Attention(ring.function()),
      ring_(ring),
      mutant_(mutant),
      source_(source),
      kept_(static_cast<std::size_t>(ring.layout().world_size)) {}

RankScene MutatedRing::scene_of(int rank, const RankInputs& inputs) {
  return {mutant_,
          {.rank = rank,
           .world_size = ring_.layout().world_size,
           .hop = 0,
           .dtype = inputs.query.scalar_type(),
           .plan = &ring_.plan(rank),
           .inputs = &inputs,
           .source = &source_,
           .kept = &kept_[static_cast<std::size_t>(rank)]},
          acts_};
}

Plan MutatedRing::plan_of(const RankScene& scene) const {
  Plan plan = *scene.scene().plan;
  if (mutant_.function) {
    AttentionFunction function = ring_.function();
    scene.act(mutant_.function, function);
    plan = make_plan(make_pattern(function), ring_.layout(), plan.rank);
  }
  scene.act_on_rank(mutant_.plan, plan);
  return plan;
}

Partial MutatedRing::traced_forward(Communicator& communicator, const RankInputs& inputs, const AfterStep& after_step) {
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  RankScene scene = scene_of(communicator.rank(), inputs);
  scene.scene().kept->clear();
  const Plan plan = plan_of(scene);
  RankInputs given = inputs;
  scene.act_on_rank(mutant_.inputs, given);
  scene.act_on_rank(mutant_.deed, communicator);
  MutatedCommunicator mutated(communicator, scene);
  const MutatedBackend backend(ring_.backend(), scene);
  ExecutorOptions options = ring_.executor_options();
  options.after_step = [&](const Step& step, std::span<const RunningState> states) {
    for (const RunningState& state : states) scene.act_in_hop(mutant_.state, state);
    if (after_step) after_step(step, states);
  };
  Partial result = execute(plan, given, mutated, backend, options);
  scene.act_on_rank(mutant_.result, result);
  return result;
}

Gradients MutatedRing::traced_backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                                       const at::Tensor& grad_out, GradientWatch* watch) {
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  RankScene scene = scene_of(communicator.rank(), inputs);
  const Plan plan = plan_of(scene);
  MutatedCommunicator mutated(communicator, scene);
  const MutatedBackend backend(ring_.backend(), scene);
  Partial saved = result;
  scene.act_on_rank(mutant_.saved, saved);
  ExecutorOptions options = ring_.executor_options();
  options.gradient_watch = watch;
  Gradients gradients = execute_backward(plan, make_returns(plan), inputs, saved, grad_out, mutated, backend, options);
  scene.act_on_rank(mutant_.gradients, gradients);
  return gradients;
}

}  // namespace ringattn::mutants
