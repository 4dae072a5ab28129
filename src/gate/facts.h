#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringattn {

/// What is the same on every machine about one rank in one case, and so can be compared with ==.
///
/// Peak bytes as metered are not: a library kernel's workspace goes with LibTorch's version, the intra-op threads and
/// the instruction set. Its share is known, as the same calls alone are metered in the same run (measure/price.h), so
///   own_bytes = metered peak - (priced peak - plan),    plan = state + max(buffers, result)
/// which is the plan's bytes plus whatever the rank allocated beyond them and beyond a lone kernel call.
struct RankFacts {
  std::int64_t own_bytes = 0;
  std::int64_t sent_bytes = 0;
  std::int64_t received_bytes = 0;
  std::int64_t messages = 0;      ///< sent
  std::int64_t flops = 0;         ///< of the plan
  std::int64_t kernel_tiles = 0;  ///< of the plan: what the library is asked for
  bool operator==(const RankFacts&) const = default;
};

/// One case of one setting (see baseline.h).
struct CaseFacts {
  std::string id;
  std::vector<RankFacts> ranks;
  bool operator==(const CaseFacts&) const = default;
};

/// How own bytes (of the rank that needs most) grow along one axis, rounded to 1e-6 so that it compares with ==.
struct ExponentFact {
  std::string axis;   ///< seq_len or ranks
  std::string among;  ///< case id with * for the axis
  double exponent = 0.0;
  bool operator==(const ExponentFact&) const = default;
};

/// Names and places of RankFacts' numbers, once for reading, writing and comparing.
struct RankQuantity {
  const char* key;
  const char* rule;      ///< that judges it
  const char* sentence;  ///< "rank 1 sends 7 messages": what stands before and after the number
  const char* unit;
  std::int64_t RankFacts::*field;
};
inline constexpr RankQuantity rank_quantities[] = {
    {"own_bytes", "peak_bytes", "allocates", "bytes above inputs and library workspace", &RankFacts::own_bytes},
    {"sent_bytes", "traffic", "sends", "bytes", &RankFacts::sent_bytes},
    {"received_bytes", "traffic", "receives", "bytes", &RankFacts::received_bytes},
    {"messages", "traffic", "sends", "messages", &RankFacts::messages},
    {"flops", "flops", "plans", "floating-point operations", &RankFacts::flops},
    {"kernel_tiles", "flops", "plans", "kernel tiles", &RankFacts::kernel_tiles},
};

}  // namespace ringattn
