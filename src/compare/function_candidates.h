#pragma once

#include "compare/identify.h"
#include "compare/old_call.h"
#include "config/axes.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

// Functions of the whole sequence as candidates: evaluated in fp64 by the oracle, each once.

namespace ringattn {

/// The inputs of a recording that has query, key and value (batch, n, heads, dim), with or without its mask.
/// Null where the mask is of a shape that means nothing to whoever reads masks by position.
std::shared_ptr<const CoreInputs> core_inputs(const UserRecording& recording, bool with_mask);

/// The shape that a mask of these sizes has, and the mask as it is read; none: of no shape that fits n rows.
struct ReadMask {
  at::Tensor mask;
  MaskShape shape;
};
std::optional<ReadMask> read_mask(const at::Tensor& mask, std::int64_t batch, std::int64_t n, std::int64_t heads);

/// Evaluates a function on inputs once, whoever asks.
class FunctionBook {
 public:
  HypothesisResult of(const AttentionFunction& function, const std::shared_ptr<const CoreInputs>& core);
  /// Rows of a result, (batch, rows, ...). UsageError, Unavailable: the oracle does not compute this function on these.
  static at::Tensor rows_of(const AttentionFunction& function, const CoreInputs& core,
                            const std::vector<std::int64_t>& rows);

 private:
  struct Entry {
    AttentionFunction function;
    std::shared_ptr<const CoreInputs> core;
    HypothesisResult result;
  };
  std::vector<Entry> entries_;
};

/// Gives the candidate its `core`, `run` and `run_rows`.
void compute_by_oracle(Hypothesis& candidate, const AttentionFunction& function,
                       const std::shared_ptr<const CoreInputs>& core, const std::shared_ptr<FunctionBook>& book);

/// The named patterns of the new API on these inputs: `dense`, and those of the two lists where they are known.
std::vector<Hypothesis> pattern_candidates(const OldCall& call, bool is_causal, const std::string& mask_words,
                                           const std::shared_ptr<const CoreInputs>& core,
                                           const std::shared_ptr<FunctionBook>& book);

/// What the new implementation gives for the configuration, on `ranks` ranks of this process.
HypothesisResult run_configuration(const RingAttentionConfig& config, const CoreInputs& core, bool is_causal,
                                   int ranks);

}  // namespace ringattn
