#pragma once

#include "attention/block_backend.h"
#include "config/workload.h"
#include "measure/forecast.h"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace ringattn {

/// The rates of this machine's ranks for the cases of a run, measured when first asked for and kept, for each dtype,
/// heads, head_dim, batch and number of ranks that compute side by side.
class CalibratedRates {
 public:
  /// usual: some two seconds each, medians with intervals. rough: a tenth of that, small tiles and few
  /// samples, to tell seconds from minutes.
  enum class Care { usual, rough };
  explicit CalibratedRates(Care care = Care::usual) : care_(care) {}

  /// Of one rank where `side_by_side` of them compute at the same time and share out the threads of the caller.
  const RankRates& of(const Case& axes, const BlockBackend& backend, int side_by_side);
  /// Between two ranks that are threads of this process.
  const Wire& wire();

 private:
  struct Key {
    std::int64_t batch, heads, key_heads, head_dim;
    Dtype dtype;
    std::string backend;
    int side_by_side;
    // clang-tidy 14 takes the generated comparison with 0 for one with a null pointer.
    auto operator<=>(const Key&) const = default;  // NOLINT(modernize-use-nullptr)
  };
  Care care_;
  std::map<Key, RankRates> known_;
  std::optional<Wire> wire_;
};

}  // namespace ringattn
