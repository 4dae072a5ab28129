#pragma once

#include "attention/safetensors.h"
#include "config/json.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// What a run of a released class ended with, on one rank or on all.
enum class RecordedResult { tensor, raises, hangs };
std::string_view to_string(RecordedResult result);

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

/// One recorded run of one released class on all ranks of its world; everything fp32 on the CPU.
struct Recording {
  std::string id{};          ///< unique in its folder
  std::string alias{};       ///< short name of the class and commit
  std::string class_name{};  ///< Python's
  std::string commit{};
  std::string file{};
  std::string family{};  ///< the recorder's name of the function; for people
  std::string note{};
  int world_size = 1;
  bool is_causal = false;
  std::optional<std::int64_t> ring_size{};  ///< of the constructor's arguments; none: the world size
  std::vector<std::int64_t> segment_lengths{};
  std::vector<std::int64_t> dilation_rates{};
  Json constructor = Json::object();  ///< arguments besides lists, ring_size excepted; device and dtype as written
  Json call = Json::object();
  std::string patched{};  ///< what was changed to get a value that can be repeated; empty: as shipped
  /// [rank][step]: the chunk that a rank used where a race decided that; empty: no race.
  std::vector<std::vector<std::int64_t>> chunk_sequence{};
  bool is_presplit = false;  ///< each rank was given its own rows

  RecordedResult result = RecordedResult::tensor;
  std::string error{};  ///< Python's exception type, for `raises`
  std::string message{};
  std::vector<RecordedResult> rank_results{};  ///< where ranks ended differently; empty: all as `result`

  TensorsByName inputs{};              ///< "query" …, "x" …, "attention_mask" where the call had one
  std::vector<TensorsByName> drawn{};  ///< by rank: what the class drew, "aux/mapping", "aux/block_pattern"
  std::vector<at::Tensor> outputs{};   ///< by rank; undefined where the rank returned nothing
  std::optional<RecordedGradient> gradient{};
  RecordedResult result_of(int rank) const;
};

/// Every case of a folder with index.json and golden.safetensors (format: README of tests/golden). Whole tensors are
/// shared between cases, so nobody may write into them. Throws UsageError naming the file, the case's id and the field
/// for whatever is missing, of another type, or contradictory.
std::vector<Recording> read_recordings(const std::string& folder);

}  // namespace ringattn
