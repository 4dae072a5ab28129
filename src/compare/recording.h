#pragma once

#include "attention/safetensors.h"
#include "compare/recorded_run.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// Tensors by name.
using TensorsByName = std::map<std::string, at::Tensor, std::less<>>;

/// One training step of the run. A rank's loss is Σ out · grad_out over its contiguous share of the rows.
struct RecordedGradient {
  RecordedResult result = RecordedResult::tensor;  ///< or `raises`: backward raised
  std::string error{};                             ///< Python's exception type, for `raises`
  std::string message{};
  at::Tensor grad_out{};               ///< after out of all n rows
  std::vector<TensorsByName> ranks{};  ///< by rank: the gradient after "query", "key", "value" or "x", whole
};

/// A recorded run with its tensors; everything fp32 on the CPU.
struct Recording : RecordedRun {
  TensorsByName inputs{};              ///< "query" …, "x" …, "attention_mask" where the call had one
  std::vector<TensorsByName> drawn{};  ///< by rank: what the class drew, "aux/mapping", "aux/block_pattern"
  std::vector<at::Tensor> outputs{};   ///< by rank; undefined where the rank returned nothing
  std::optional<RecordedGradient> gradient{};
};

/// Every case of a folder with index.json and golden.safetensors (format: README of tests/golden). Whole tensors are
/// shared between cases, so nobody may write into them. Throws UsageError naming the file, the case's id and the field
/// for whatever is missing, of another type, or contradictory.
std::vector<Recording> read_recordings(const std::string& folder);

}  // namespace ringattn
