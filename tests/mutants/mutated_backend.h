#pragma once

#include "attention/block_backend.h"
#include "tests/mutants/rank_scene.h"

#include <string>

namespace ringattn::mutants {

/// The ring's own backend, with the mutant's functions on the calls of one rank.
class MutatedBackend final : public BlockBackend {
 public:
  MutatedBackend(const BlockBackend& real, const RankScene& scene) : real_(real), scene_(scene) {}
  std::string name() const override { return real_.name(); }

 private:
  Partial do_forward(const BlockInputs& inputs) const override {
    BlockInputs given = inputs;
    scene_.act_in_hop(scene_.mutant().tile, given);
    Partial partial = real_.forward(given);
    scene_.act_in_hop(scene_.mutant().partial, partial);
    return partial;
  }
  BlockGradients do_backward(const BlockInputs& inputs, const BlockGradientInputs& result) const override {
    BlockInputs given = inputs;
    scene_.act_in_hop(scene_.mutant().tile, given);
    BlockGradients gradients = real_.backward(given, result);
    scene_.act_in_hop(scene_.mutant().tile_gradients, gradients);
    return gradients;
  }

  const BlockBackend& real_;
  const RankScene& scene_;
};

}  // namespace ringattn::mutants
