#pragma once

#include "ring/standard_ring_attention.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace ringattn {

/// What ring and block sparsity leave of the work and the memory of one rank that computes everything: the guide's
/// formula, and beside it what the last forward call came to.
struct MemorySavings {
  double ring_reduction = 1.0;     ///< 1 / ranks
  double sparse_reduction = 1.0;   ///< 1 - sparsity_ratio; 1 for the rule grid, which has none
  double total_reduction = 1.0;    ///< their product
  double effective_speedup = 1.0;  ///< 1 / total_reduction

  struct Measured {
    double ring_reduction = 1.0;    ///< rows of this rank / rows of the sequence
    double sparse_reduction = 1.0;  ///< (head, query, key) that attend / those that would without block sparsity
    double total_reduction = 1.0;
    double effective_speedup = 1.0;
    std::int64_t active_couples = 0;        ///< (head, query block, key block) of the whole sequence that are computed
    std::int64_t couples = 0;               ///< all of them
    std::int64_t received_bytes = 0;        ///< by this rank, counted as they arrived
    std::int64_t dense_received_bytes = 0;  ///< what it would receive if it needed every row of the others
  };
  std::optional<Measured> measured{};  ///< none before the first forward
};

/// The configuration with these blocks left out of its pattern; without `blocks` with those that the pattern has, and
/// where it has none with the rule local in blocks of 64, of which 0.9 are removed. UsageError where both say some.
RingAttentionConfig in_blocks(RingAttentionConfig config, const std::optional<BlockSparsity>& blocks = std::nullopt);

/// StandardRingAttention that leaves blocks out of the configuration's pattern (BlockSparsity in config/axes.h): by
/// global blocks, the same on every rank, the diagonal kept, together with segments, causality and masks. What is left
/// out costs no arithmetic and no memory, and rows that nobody needs are not sent.
/// seq_len, segment lengths and the ranks' shards must be whole blocks: else UsageError with the nearest that are.
class BlockSparseRingAttention final : public StandardRingAttention {
 public:
  /// `blocks`: see in_blocks.
  BlockSparseRingAttention(RingAttentionConfig config, Communicator& communicator,
                           const std::optional<BlockSparsity>& blocks = std::nullopt);

  /// The blocks that are left.
  BlockSparsity blocks() const { return blocks_of(config().pattern); }
  /// Of this rank. Cost of the measured part: O(rows and keys of the pattern's tiles), once a problem.
  MemorySavings get_memory_savings() const;

 private:
  std::string do_name() const override { return "block_sparse"; }
  void do_call(const Attention& attention, const RankInputs& inputs, const std::function<void()>& call) override;

  std::optional<Pattern> last_pattern_;
  std::int64_t last_rows_ = 0;
  std::int64_t last_received_bytes_ = 0;
  std::int64_t last_dense_bytes_ = 0;
};

}  // namespace ringattn
