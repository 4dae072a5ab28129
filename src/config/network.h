#pragma once

#include "config/env.h"
#include "config/workload.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// A wire between two ranks.
struct NetworkLink {
  double gb_s = 0.0;  ///< 1e9 bytes a second of one rank, each direction
  double us = 0.0;    ///< latency of a message
  bool operator==(const NetworkLink&) const = default;
};

/// Ranks and the links between them: flat, or nodes with a faster link inside. For prices alone; nothing runs on it.
/// The file's form is presets/network.schema.json.
struct Network {
  std::string name;
  std::string description;
  std::vector<std::string> sources;     ///< where its numbers come from
  std::map<Dtype, double> flops_per_s;  ///< attention of one rank
  double memory_gb_s = 0.0;             ///< what merging runs at
  NetworkLink inner_link;
  std::int64_t ranks_per_node = 0;  ///< 0: flat
  NetworkLink outer_link{};         ///< between nodes

  /// The link that carries what `from` sends to `to`.
  const NetworkLink& link(int from, int to) const {
    return ranks_per_node == 0 || from / ranks_per_node == to / ranks_per_node ? inner_link : outer_link;
  }
  bool operator==(const Network&) const = default;
};

/// Strict: unknown keys, missing ones and values out of range are UsageErrors that name the JSON pointer.
Network network_from_json_text(std::string_view text, const std::string& source);

/// By path (anything with a slash or ending in .json) or by the name of a shipped one, looked up in networks/ of the
/// preset folders and in the binary. UsageError for an unknown name lists the known ones.
Network load_network(const std::string& name_or_path, const Env& env);
std::vector<std::string> network_names(const Env& env);

}  // namespace ringattn
