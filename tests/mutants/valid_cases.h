#pragma once

#include "attention/input_distribution.h"
#include "config/ring_attention_config.h"
#include "config/workload.h"
#include "measure/rank_world.h"
#include "measure/runner.h"

#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <string>

namespace ringattn::mutants {

/// Something that the ring computes rightly, so that no judge may say no.
struct ValidCase {
  RingAttentionConfig config;
  Case axes;
  InputDistribution distribution = InputDistribution::normal;
  bool is_training = false;
  Pass pass = Pass::forward;
  std::uint64_t seed = 0;
};
std::string to_string(const ValidCase& valid);

/// Any pattern by name or in axes, dtype, length, number of ranks, layout, mask, window, documents, shared heads,
/// dropout, distribution of the inputs; drawn again until it has a meaning.
ValidCase random_case(std::mt19937_64& random);

/// Runs valid cases through `examine`.
class ValidCases {
 public:
  /// What the judge has against it; "" where it says yes.
  std::string alarm(const ValidCase& valid);

 private:
  std::map<std::int64_t, std::unique_ptr<RankWorld>> worlds_;
};

}  // namespace ringattn::mutants
