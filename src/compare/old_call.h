#pragma once

#include "config/json.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// What somebody still knows of how an old class was made and called. Whatever is missing is tried.
struct OldCall {
  std::optional<std::vector<std::int64_t>> segment_lengths{};
  std::optional<std::vector<std::int64_t>> dilation_rates{};
  std::optional<bool> is_causal{};
  std::optional<int> ranks{};
  std::optional<std::int64_t> ring_size{};
  Json constructor = Json::object();
  Json call = Json::object();
  std::string patched{};  ///< what was changed in the class; empty: nothing that is known
  std::vector<std::vector<std::int64_t>> chunk_sequence{};  ///< [rank][step] of a race; empty: not known
  bool is_presplit = false;                                 ///< each rank was given its own rows

  bool has_lists() const { return segment_lengths && dilation_rates; }
};

/// From one object: segment_lengths, dilation_rates, is_causal, ring_size, ranks (also world_size), already_split, and
/// any of `known`, the arguments of old constructors; arguments may also stand in the objects "constructor" and "call".
/// An argument that stands beside them was given to both. Throws UsageError with the nearest name.
OldCall old_call_from_json(const Json& object, const std::string& source, std::vector<std::string> known);

}  // namespace ringattn
