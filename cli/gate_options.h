#pragma once

#include "cli/options.h"

#include <cstdint>
#include <string>

namespace ringattn {

/// `ringattn gate`: did this build get worse than the baseline, or than another build?
struct GateOptions {
  SharedOptions shared{};
  WorkloadOptions workload{.preset = "ci"};
  LongRunOptions run{};

  // What it is compared with.
  std::string baseline = "results/baselines";  ///< folder, or the file of deterministic entries
  std::string against{};                       ///< --against: another ringattn, for time; "": the library's kernel
  bool update_baseline = false;                ///< shows what changes, and writes it
  bool allow_new = false;                      ///< a case without an entry is fine
  bool backward = false;                       ///< forward and backward as one, with entries of their own
  bool strict = false;                         ///< improvements fail, unsure is exit code 5

  // Time.
  std::int64_t pairs = 21;  ///< interleaved pairs of a run
  bool no_time = false;     ///< numbers, bytes and messages only

  // What is left behind.
  std::string junit{};   ///< FILE for JUnit XML
  std::string resume{};  ///< report of an interrupted run to go on from

  bool serve = false;  ///< be timed by another build (gate_worker.h)
};

void add_gate(CLI::App& app, const SharedOptions& shared, Invocation& invocation);

}  // namespace ringattn
