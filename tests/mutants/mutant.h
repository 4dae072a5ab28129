#pragma once

#include "attention/block_backend.h"
#include "attention/inputs.h"
#include "attention/interface.h"
#include "attention/running_state.h"
#include "comm/communicator.h"
#include "config/axes.h"
#include "plan/plan.h"

#include <ATen/core/Tensor.h>

#include <functional>
#include <string>
#include <vector>

// Defects that are put into a ring which is otherwise the real one, from outside: the engine's own communicator, block
// backend, plan, inputs and results are handed through functions that may change them. To add a mutant, add one entry
// to a list of mutant_table.h: its name, what it breaks, where it acts, and a function on one of the seams below.

namespace ringattn::mutants {

/// Ranks and hops by name, as numbers depend on k.
inline constexpr int every = -1;
inline constexpr int last = -2;
/// The place after all hops, where results are finished.
inline constexpr int at_end = -3;

/// Where a mutant acts: on which rank, while that rank works on the keys of which hop (0: its own keys); where
/// derivatives are exchanged, in the exchange of which hop (Return).
struct Place {
  int rank = last;
  int hop = 1;
  bool has_rank(int r, int world_size) const { return rank == every || r == (rank == last ? world_size - 1 : rank); }
  bool has_hop(int h) const { return hop == every || h == hop; }
};

/// What a seam's function may look at.
struct Scene {
  int rank = 0;
  int world_size = 1;
  int hop = 0;  ///< whose keys the rank works on
  at::ScalarType dtype = at::kFloat;
  const Plan* plan = nullptr;               ///< the rank's own, as it should be
  const RankInputs* inputs = nullptr;       ///< the rank's own, as they should be
  const InputSource* source = nullptr;      ///< the rows of all ranks
  std::vector<at::Tensor>* kept = nullptr;  ///< what is put here lives until the rank's next call
};

/// A function that changes one of the things that pass a seam.
template <typename Thing>
using Seam = std::function<void(Thing&, const Scene&)>;

/// One defect. All seams but the first act on the ranks of `place`; those that have a hop, in that hop alone.
struct Mutant {
  std::string name;
  std::string breaks;             ///< in words, for the table
  std::string setting = "dense";  ///< the configuration in which it is run, see settings.h
  Place place{};
  int hops_min = 1;          ///< with fewer hops there is nothing that it could do
  bool is_backward = false;  ///< forward and backward are run and judged
  bool is_metered = false;   ///< what its function allocates is part of the defect

  /// Another function than the one that is asked for: all ranks plan and compute that.
  Seam<AttentionFunction> function{};
  Seam<Plan> plan{};                      ///< before anything runs
  Seam<RankInputs> inputs{};              ///< before anything runs
  Seam<Communicator> deed{};              ///< before anything runs: something besides
  Seam<Exchange> post{};                  ///< a hop before it is posted
  Seam<Exchange> arrived{};               ///< a hop when all of it has arrived: its receive blocks may be written to
  Channel channel = Channel::keys;        ///< whose hops `post` and `arrived` see
  Seam<BlockInputs> tile{};               ///< before a kernel call, forward or backward
  Seam<Partial> partial{};                ///< after a forward kernel call, before the merge
  Seam<const RunningState> state{};       ///< after a hop's tiles; the tensors may be written to
  Seam<Partial> result{};                 ///< what the rank returns
  Seam<Partial> saved{};                  ///< what backward gets of it
  Seam<BlockGradients> tile_gradients{};  ///< after a backward kernel call
  Seam<Gradients> gradients{};            ///< what the rank returns
};

}  // namespace ringattn::mutants
