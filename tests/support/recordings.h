#pragma once

#include "attention/interface.h"
#include "attention/safetensors.h"
#include "config/axes.h"

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include <cstdint>
#include <fstream>
#include <set>
#include <string>
#include <vector>

namespace ringattn::testing {

/// What a released class returned in one process, and what it was given.
struct Recording {
  std::string id;
  std::string alias;
  bool is_causal = false;
  std::vector<Pair> pairs;
  nlohmann::json constructor;  ///< the arguments beside the pairs
  RankInputs inputs;           ///< q, k, v of all rows, fp32, after the class's own projection
  at::Tensor wanted;           ///< the class's result
  at::Tensor out_weight;       ///< the class's own output projection; undefined where it has none
  at::Tensor out_bias;

  std::int64_t seq_len() const { return inputs.query.size(1); }
  std::int64_t heads() const { return inputs.query.size(2); }
  /// False where the class was told not to reorder rows.
  bool is_reordered() const { return constructor.value("use_hilbert", true); }
  /// From the attention's rows (batch, rows, heads, dim) to what the class returns: out · Wᵀ + b over joined heads, or
  /// the rows.
  at::Tensor returned(const at::Tensor& out) const {
    if (!out_weight.defined()) return out.to(at::kDouble);
    return out.to(at::kDouble).flatten(2).matmul(out_weight.t()) + out_bias;
  }
};

/// x (batch, rows, E) · W_qkvᵀ + b in fp64, rows 0 … E-1 of the weight being the query's, then the key's, then the
/// value's; within each, head h has the rows h·dim … h·dim + dim-1.
inline RankInputs project(const SafetensorsFile& file, const std::string& set, std::int64_t heads) {
  const auto tensor = [&](const char* name) { return file.tensor(set + name).to(at::kDouble); };
  const at::Tensor x = tensor("x");
  const at::Tensor all = x.matmul(tensor("qkv_proj.weight").t()) + tensor("qkv_proj.bias");
  const at::Tensor split = all.reshape({x.size(0), x.size(1), 3, heads, x.size(2) / heads}).to(at::kFloat);
  return {split.select(2, 0).contiguous(), split.select(2, 1).contiguous(), split.select(2, 2).contiguous()};
}

inline Recording read_recording(const SafetensorsFile& file, const nlohmann::json& recorded) {
  Recording recording{.id = recorded.at("id"),
                      .alias = recorded.at("alias"),
                      .is_causal = recorded.at("is_causal"),
                      .pairs = {},
                      .constructor = recorded.at("constructor"),
                      .inputs = {},
                      .wanted = {},
                      .out_weight = {},
                      .out_bias = {}};
  const auto lengths = recorded.at("segment_lengths").get<std::vector<std::int64_t>>();
  const auto rates = recorded.at("dilation_rates").get<std::vector<std::int64_t>>();
  for (std::size_t i = 0; i < lengths.size(); ++i) recording.pairs.push_back({lengths[i], rates[i]});
  const std::string set = "inputs/" + recorded.at("inputs").get<std::string>() + "/";
  if (file.contains(set + "x")) {
    const nlohmann::json& constructor = recording.constructor;
    const auto heads = (constructor.contains("num_heads") ? constructor.at("num_heads") : constructor.at("heads"));
    recording.inputs = project(file, set, heads.get<std::int64_t>());
    recording.out_weight = file.tensor(set + "out_proj.weight").to(at::kDouble);
    recording.out_bias = file.tensor(set + "out_proj.bias").to(at::kDouble);
  } else {
    recording.inputs = {file.tensor(set + "query"), file.tensor(set + "key"), file.tensor(set + "value")};
  }
  recording.wanted = file.tensor("outputs/" + recording.id + "/rank0");
  return recording;
}

/// Whether the class returned a tensor in one process that played no more than one rank.
inline bool is_alone(const nlohmann::json& recorded) {
  return recorded.at("world_size") == 1 && recorded.at("result") == "tensor" &&
         recorded.at("constructor").value("ring_size", 1) == 1;
}

/// The cases of a folder in which one of these classes returned a tensor, alone.
inline std::vector<Recording> read_recordings_alone(const std::string& folder, const std::set<std::string>& aliases) {
  std::ifstream stream(folder + "/index.json");
  const nlohmann::json index = nlohmann::json::parse(stream);
  const SafetensorsFile file(folder + "/golden.safetensors");
  std::vector<Recording> recordings;
  for (const nlohmann::json& recorded : index.at("cases")) {
    const bool is_wanted = aliases.count(recorded.at("alias").get<std::string>()) > 0;
    if (is_wanted && is_alone(recorded)) recordings.push_back(read_recording(file, recorded));
  }
  return recordings;
}

}  // namespace ringattn::testing
