#pragma once

#include "config/axes.h"
#include "config/workload.h"

#include <cstdint>
#include <vector>

namespace ringattn {

/// What a configuration is applied to: everything of an AttentionFunction that the configuration does not say.
struct Problem {
  std::int64_t seq_len = 0;
  std::int64_t heads = 0;
  bool is_causal = false;
  std::int64_t kv_heads = 0;  ///< 0: as many as heads
  Window window{};
  std::vector<std::int64_t> documents{};  ///< cumulative lengths; empty: one document
  MaskShape mask{};
  bool is_training = false;  ///< the configuration's dropout applies in training alone
  std::uint64_t dropout_seed = 0;
  bool operator==(const Problem&) const = default;
};

/// Throws UsageError naming the field: sizes below 1, kv_heads that does not divide heads, documents that do not ascend
/// from 0 to seq_len.
void validate(const Problem& problem);

/// The problem of one case of a workload; the shape of its mask is known to its inputs. Throws UsageError for documents
/// that do not fit the length.
Problem problem_of(const Case& axes, const MaskShape& mask, bool is_training = false, std::uint64_t dropout_seed = 0);

}  // namespace ringattn
