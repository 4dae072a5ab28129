#pragma once

#include "attention/inputs.h"
#include "config/problem.h"
#include "config/ring_attention_config.h"
#include "config/workload.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace ringattn::mutants {

/// A configuration and a workload in which a defect has something to break.
struct Setting {
  std::string name;
  std::vector<std::pair<std::string, std::string>> fields{};  ///< of the configuration, as --set wants them
  std::int64_t kv_heads = 0;
  Window window{};
  std::string documents{};  ///< as -a documents wants them
  std::string mask = "none";
  bool is_training = false;
  bool has_nan = false;  ///< one query row is NaN
};
const std::vector<Setting>& settings();
/// UsageError with the names there are.
const Setting& find_setting(const std::string& name);

RingAttentionConfig config_of(const Setting& setting);
/// Two batch indices, 192 rows, 4 heads of 16.
Case case_of(const Setting& setting, Dtype dtype, bool is_causal, std::int64_t ranks);
std::unique_ptr<InputSource> inputs_of(const Setting& setting, std::uint64_t seed);
Problem problem_of(const Setting& setting, const Case& axes, const InputSource& inputs, std::uint64_t seed);

}  // namespace ringattn::mutants
