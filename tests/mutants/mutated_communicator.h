#pragma once

#include "comm/communicator.h"
#include "tests/mutants/rank_scene.h"

namespace ringattn::mutants {

/// The rank's own communicator, with the mutant's functions on what goes through it. Tells the scene which hop's keys
/// have come.
class MutatedCommunicator final : public Communicator {
 public:
  MutatedCommunicator(Communicator& real, RankScene& scene)
      : Communicator(real.rank(), real.world_size()), real_(real), scene_(scene) {}

 private:
  struct Posted;
  Ticket do_post(Exchange exchange) override;
  void do_wait_received(const Ticket& ticket) override;
  void do_wait_sent(const Ticket& ticket) override;
  std::vector<std::int64_t> do_all_gather_value(std::int64_t value) override { return real_.all_gather_value(value); }
  void do_barrier() override { real_.barrier(); }
  void do_abort(const std::string& reason) override { real_.abort(reason); }

  bool is_mutated(const Exchange& exchange) const;

  Communicator& real_;
  RankScene& scene_;
};

}  // namespace ringattn::mutants
