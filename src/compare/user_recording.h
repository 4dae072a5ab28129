#pragma once

#include "compare/recording.h"
#include "compare/user_gradients.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ringattn {

/// What somebody recorded of a run of their own: the tensors that went in and what came out, of a class that nobody
/// names. Everything but masks and index maps is held in fp32 on the CPU.
struct UserRecording {
  std::string path{};
  /// "query", "key", "value" (batch, n, heads, dim), or (batch, n, embed) with their projections; or "x" (batch, n,
  /// embed) with "qkv_proj.weight" and so on, under their own names.
  TensorsByName inputs{};
  at::Tensor mask{};                     ///< undefined: none
  std::map<int, TensorsByName> drawn{};  ///< by rank: "aux/mapping", "aux/block_pattern"; -1: the same on every rank
  at::Tensor out{};                      ///< undefined where only ranks' results are there
  std::map<int, at::Tensor> rank_outs{};
  at::Tensor lse{};                     ///< (batch, heads, n); undefined: none
  UserGradients gradients{};            ///< of a recording with query, key and value
  std::vector<std::string> unjudged{};  ///< tensors that are there and that nothing judges
  at::ScalarType dtype = at::kFloat;    ///< of the results, as recorded

  bool takes_x() const { return inputs.count("x") > 0; }
  const at::Tensor& rows() const { return inputs.find(takes_x() ? "x" : "query")->second; }
  std::int64_t batch() const { return rows().size(0); }
  std::int64_t seq_len() const { return rows().size(1); }
  std::int64_t heads() const { return rows().dim() == 4 ? rows().size(2) : 0; }  ///< 0: projections decide
  /// One above the highest rank that has a result of its own; 0: none has.
  int ranks_seen() const { return rank_outs.empty() ? 0 : rank_outs.rbegin()->first + 1; }
};

/// Reads FILE.safetensors. Throws UsageError "FILE: …" that names the tensor, its shape and what would be right.
UserRecording read_user_recording(const std::string& path);

/// The same checks on a recording that was put together otherwise.
void validate(const UserRecording& recording);

}  // namespace ringattn
