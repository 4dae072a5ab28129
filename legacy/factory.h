#pragma once

#include "attention/interface.h"

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
      ring_size{};  ///< as shipped only: other than the world size; in one process > 1 simulates a ring
};

/// An old implementation by name, alias or class name.
/// Intended: the rank gets all queries and its contiguous K/V rows, all_gathers K and V to n rows, and returns all n
/// rows. As shipped: the rank gets the full inputs and returns all n rows, or forward throws LegacyRaises where the
/// class raised. UsageError: unknown name, wrong lists, ring_size without as_shipped or outside [1, world_size] on
/// several ranks.
std::unique_ptr<Attention> make_legacy(std::string_view name, const LegacyOptions& options, std::int64_t seq_len,
                                       std::int64_t heads, bool is_causal, int world_size);

}  // namespace ringattn::legacy
