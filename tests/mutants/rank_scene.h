#pragma once

#include "measure/memory_meter.h"
#include "tests/mutants/mutant.h"

#include <atomic>
#include <optional>

namespace ringattn::mutants {

/// A mutant on one rank in one call: the scene that its functions see, and whether it has come to act at all.
class RankScene {
 public:
  RankScene(const Mutant& mutant, Scene scene, std::atomic<int>& acts) : mutant_(mutant), scene_(scene), acts_(acts) {}

  const Mutant& mutant() const { return mutant_; }
  const Scene& scene() const { return scene_; }
  void enter_hop(int hop) { scene_.hop = hop; }
  bool is_on_rank() const { return mutant_.place.has_rank(scene_.rank, scene_.world_size); }
  bool is_in_hop(int hop) const { return is_on_rank() && mutant_.place.has_hop(hop); }
  void note_act() const { ++acts_; }

  /// Lets the seam's function change the thing. What it allocates is on nobody's account, unless that is the defect.
  template <typename Thing>
  void act(const Seam<Thing>& seam, Thing& thing) const {
    if (!seam) return;
    note_act();
    std::optional<MemoryMeter> hides;
    if (!mutant_.is_metered) hides.emplace(scene_.inputs->query.device());
    seam(thing, scene_);
  }
  template <typename Thing>
  void act_in_hop(const Seam<Thing>& seam, Thing& thing) const {
    if (is_in_hop(scene_.hop)) act(seam, thing);
  }
  template <typename Thing>
  void act_on_rank(const Seam<Thing>& seam, Thing& thing) const {
    if (is_on_rank()) act(seam, thing);
  }

 private:
  const Mutant& mutant_;
  Scene scene_;
  std::atomic<int>& acts_;
};

}  // namespace ringattn::mutants
