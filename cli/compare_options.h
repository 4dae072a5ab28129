#pragma once

#include "cli/options.h"
#include "config/ring_attention_config.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace ringattn {

/// Which configuration the new implementation gets.
struct NewConfig {
  /// preserving: the one that computes what the old one was meant to compute. guide: the preset's, as the migration
  /// guide says. given: the one that was given.
  enum class Kind { preserving, guide, given };
  Kind kind = Kind::preserving;
  RingAttentionConfig given{};  ///< read only for `given`
};
/// "preserving", "guide", a JSON object, or a file that holds one. Throws UsageError.
NewConfig parse_new_config(const std::string& text);

/// `ringattn compare`: is the new result right, is it what the old one computed, and what does it cost?
struct CompareOptions {
  SharedOptions shared{};
  WorkloadOptions workload{};
  LongRunOptions run{};

  // What is compared.
  std::string legacy{};     ///< --old: a name of `list --deprecated`, "oracle", or a recording (FILE.safetensors)
  std::string candidate{};  ///< --new: an implementation; "" is the preset's
  bool as_shipped = false;  ///< the old one as it was released, defects and all
  bool backward = false;    ///< dq, dk and dv too, from a grad_out
  NewConfig new_config{};
  std::string old_config{};  ///< --config: FILE or JSON with the old constructor's arguments; "" for none
  InputOptions inputs{};
  bool with_projection = false;  ///< the module around the new one too, split before projecting and after

  std::optional<std::int64_t> ranks{};  ///< that a recording was made on; none: not known

  // What counts as equal.
  std::optional<double>
      rtol{};  ///< both or neither; neither: the guide's between old and new, the tiers against the oracle
  std::optional<double> atol{};
  bool bisect = false;   ///< of a wrong result or gradient: the first rank and hop that are wrong
  std::string accept{};  ///< FILE of differences that are known and accepted

  // Time.
  std::optional<std::int64_t> pairs{};  ///< timed ABBA pairs a case; none: 21, fewer for the default preset
  bool no_time = false;                 ///< numbers, bytes and messages only
  bool strict = false;                  ///< an inconclusive time is exit code 5
  std::optional<std::chrono::milliseconds> time_budget{};  ///< cases that would begin later are listed as skipped

  // What is left behind.
  std::string bundle{};  ///< FILE.zip for a bug report
  std::string resume{};  ///< report of an interrupted run to go on from
};

void add_compare(CLI::App& app, const SharedOptions& shared, Invocation& invocation);

}  // namespace ringattn
