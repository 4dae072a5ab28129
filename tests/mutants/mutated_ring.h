#pragma once

#include "attention/executor.h"
#include "ring/ring_attention.h"
#include "tests/mutants/rank_scene.h"

#include <atomic>
#include <vector>

namespace ringattn::mutants {

/// The ring with one defect. It runs the engine's own executors on what the mutant made of plan, inputs, communicator
/// and backend, and is judged against the function and the plan that the ring should have.
class MutatedRing final : public Attention {
 public:
  /// All three must outlive it.
  MutatedRing(RingAttention& ring, const Mutant& mutant, const InputSource& source);

  /// forward that tells what the rank's rows come to step by step.
  Partial traced_forward(Communicator& communicator, const RankInputs& inputs, const AfterStep& after_step);
  /// backward that tells what the rank's derivatives come to step by step; `watch` may be null.
  Gradients traced_backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                            const at::Tensor& grad_out, GradientWatch* watch);
  /// How often the mutant's functions were called since the last question.
  int take_acts() { return acts_.exchange(0); }

 private:
  Positions do_query_positions(int rank, int world_size) const override {
    return ring_.query_positions(rank, world_size);
  }
  Positions do_key_positions(int rank, int world_size) const override { return ring_.key_positions(rank, world_size); }
  Partial do_forward(Communicator& communicator, const RankInputs& inputs) override {
    return traced_forward(communicator, inputs, {});
  }
  std::string do_why_no_backward() const override { return ring_.why_no_backward(); }
  Gradients do_backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                        const at::Tensor& grad_out) override {
    return traced_backward(communicator, inputs, result, grad_out, nullptr);
  }
  RankScene scene_of(int rank, const RankInputs& inputs);
  Plan plan_of(const RankScene& scene) const;

  RingAttention& ring_;
  const Mutant& mutant_;
  const InputSource& source_;
  std::vector<std::vector<at::Tensor>> kept_;  ///< by rank
  std::atomic<int> acts_{0};
};

}  // namespace ringattn::mutants
