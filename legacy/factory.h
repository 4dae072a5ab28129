#pragma once

#include "attention/interface.h"
#include "config/problem.h"
#include "legacy/module.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

namespace ringattn::legacy {

/// Constructor arguments that the old classes shared.
struct LegacyOptions {
  std::vector<std::int64_t> segment_lengths{};
  std::vector<std::int64_t> dilation_rates{};
  bool as_shipped = false;  ///< the released class, defects and all, instead of the function it was meant to compute
  std::optional<std::int64_t>
      ring_size{};       ///< as shipped only: other than the world size; in one process > 1 simulates a ring
  double dropout = 0.0;  ///< on attention weights, in training
  std::optional<double> softmax_scale{};  ///< none: 1/√head_dim
  /// forward keeps what autograd keeps for the backward that follows; false: backward computes forward again.
  bool is_training = false;
  /// As shipped only: the layers of a class that has projections of its own (is_module). It is then given x, its
  /// channels split into heads, in the place of query, key and value.
  NamedLayers layers{};
  /// As shipped only: further arguments of the constructor, over those that the catalogue's entry has.
  Json constructor = Json::object();
};

/// An old implementation by name, alias or class name.
/// Intended: the rank gets all queries and its contiguous K/V rows, all_gathers K and V to n rows, and returns all n
/// rows. Whatever the problem asks for besides is done as a user of the old class would, in plain tensor operations:
/// grouped K/V heads are repeated to all query heads before they are gathered (the old classes moved H heads), a mask
/// by key is gathered with them, one by query and key is whole on every rank. As shipped: the rank gets the full inputs
/// and returns all n rows, or forward throws LegacyRaises where the class raised. UsageError: unknown name, wrong
/// lists, ring_size without as_shipped or below 1. Unavailable: as shipped with
/// anything that the released class did not have, and a class with projections of its own without layers.
std::unique_ptr<Attention> make_legacy(std::string_view name, const LegacyOptions& options, const Problem& problem,
                                       int world_size);

}  // namespace ringattn::legacy
