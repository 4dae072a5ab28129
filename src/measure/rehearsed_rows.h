#pragma once

#include "attention/inputs.h"
#include "attention/interface.h"
#include "attention/key_value.h"
#include "comm/rehearsed_communicator.h"
#include "plan/plan.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

namespace ringattn {

/// What the peers of a plan's rank send in each hop: the rows at the positions that the plan receives, made from the
/// inputs, which are a function of position. `hold` makes them beforehand.
class PlannedRows final : public RehearsedPeers {
 public:
  /// All of these must outlive the object.
  PlannedRows(const Plan& plan, const InputSource& inputs, at::ScalarType dtype);

  /// Makes the rows of as many hops as `bytes_max` hold, in order, before any time is taken. True where all fit.
  bool hold(std::int64_t bytes_max);
  /// Whether a hop that is not held is served the rows of a held one of the same sizes: the right number of bytes,
  /// other numbers, no work. For taking time; off at first. A hop without such a twin is made when it is asked for.
  void use_stand_ins(bool on) { stand_ins_ = on; }

  std::vector<Block> message(int hop, int peer, std::span<const Block> own) override;

 private:
  using Regions = std::vector<KeyValue>;
  std::size_t step_of(int hop) const;
  Regions make(const Step& step) const;
  const Regions& regions(std::size_t step);
  const Regions* twin_of(const Step& step) const;

  const Plan& plan_;
  const InputSource& inputs_;
  at::ScalarType dtype_;
  bool stand_ins_ = false;
  std::map<std::size_t, Regions> held_;  ///< by step
  std::size_t made_step_ = 0;
  Regions made_;
};

/// What ranks give to an all_gather of their own query, key, value or mask rows. A rank's own block says which of them
/// it is by its bytes; whoever gathers anything else cannot be rehearsed: Unavailable.
class GatheredRows final : public RehearsedPeers {
 public:
  GatheredRows(const Attention& attention, int rank, int world_size, const InputSource& inputs, at::ScalarType dtype,
               const RankInputs& own);

  std::vector<Block> message(int hop, int peer, std::span<const Block> own) override;

 private:
  at::Tensor tensor_of(int peer, std::size_t which) const;

  const Attention& attention_;
  int rank_;
  int world_size_;
  const InputSource& inputs_;
  at::ScalarType dtype_;
  std::vector<at::Tensor> own_;  ///< query, key, value, mask
  std::map<std::pair<int, std::size_t>, at::Tensor> made_;
};

}  // namespace ringattn
