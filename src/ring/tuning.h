#pragma once

#include "attention/block_backend.h"
#include "attention/executor.h"
#include "config/ring_attention_config.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace ringattn {

/// A way to run a plan, and how long the slowest rank took for it.
struct Candidate {
  Backend backend = Backend::automatic;
  std::int64_t partial_bytes_max = 0;  ///< ExecutorOptions; the block that is merged at a time
  std::int64_t time_ns = 0;
};

/// What was found to be the fastest, and everything that was tried.
struct Tuning {
  std::unique_ptr<BlockBackend> backend;
  std::int64_t partial_bytes_max = 0;
  std::vector<Candidate> tried;
  /// "sdpa, partials of 512 KiB: 1.20 ms (taken); …".
  std::string text() const;
};

/// Runs the plan's forward pass with each backend that may run and blocks of several sizes, on the inputs at hand,
/// twice each, and takes the fastest: the default unless another one is 3 % faster. All ranks measure together and
/// choose alike. No new candidate begins once `budget_ns` are spent. Collective.
Tuning tune(const Plan& plan, const RankInputs& inputs, Communicator& communicator, const RingAttentionConfig& config,
            const ExecutorOptions& options, std::int64_t budget_ns = 2'000'000'000);

/// The backends that the configuration leaves to choose from for this function, the usual one first.
std::vector<Backend> backends_to_try(const RingAttentionConfig& config, const AttentionFunction& function);

}  // namespace ringattn
