#pragma once

#include "attention/input_distribution.h"
#include "cli/progress.h"
#include "cli/terminal.h"
#include "config/env.h"
#include "config/resolve.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

// The parser's header is large; only the files that register flags include it.
namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace ringattn {

/// What every verb knows.
struct SharedOptions {
  Env env{};                           ///< the environment, read once by main
  std::vector<std::string> command{};  ///< argv, for the report
  ColorChoice color = ColorChoice::automatic;
};

/// What every verb that runs or prices a workload knows.
struct WorkloadOptions {
  std::string preset = "quick";   ///< name, path, or "-" for stdin
  bool preset_is_default = true;  ///< no --preset was given: a smaller timing effort is fine, and is said in the report
  Overrides overrides{};          ///< -a and --set
  std::string json{};             ///< file for the JSON form of the result, "-" for stdout, "" for none
  bool deterministic_only = false;  ///< of the result, what is the same in every run, as JSON on stdout
  /// Preset, environment and command line in one, checked.
  Resolved resolve(const Env& env) const;
};

/// Where the numbers of a run come from.
struct InputOptions {
  std::string file{};  ///< FILE.safetensors with query, key, value; "" makes them from the seed
  InputDistribution distribution = InputDistribution::normal;  ///< of what is made
  bool is_training = false;                                    ///< the configuration's dropout acts
  /// Layers around the attention: none, identity, random, or FILE.safetensors[#SET]. "": none, but identity for a
  /// released class that has projections of its own.
  std::string projection{};
};

/// What every verb that takes a while knows.
struct LongRunOptions {
  std::int64_t seed = 42;                     ///< of the inputs
  std::chrono::milliseconds timeout{30'000};  ///< deadline of every single wait between ranks
  ProgressChoice progress = ProgressChoice::automatic;
  bool quiet = false;  ///< nothing on stderr but errors
};

/// What the command line asks for: how to speak, and what to run. A verb's registration fills it in when its verb was
/// chosen.
struct Invocation {
  ColorChoice color = ColorChoice::automatic;
  std::function<int(Terminal&)> run{};
  bool runs_on_processes = false;  ///< its ranks may be processes
};

// Registration. Each flag is also read from RINGATTN_<FLAG> (upper case, dashes as underscores); -a and --set have
// RINGATTN_AXIS_<NAME> and RINGATTN_SET_<FIELD> instead. Values are checked where they are read; a refusal is a
// UsageError that names the flag and the value.

void add_shared(CLI::App& verb, SharedOptions& options);
void add_workload(CLI::App& verb, WorkloadOptions& options);
void add_json(CLI::App& verb, std::string& target);
/// --deterministic-only, of a verb with --json.
void add_deterministic_only(CLI::App& verb, WorkloadOptions& options);
/// UsageError where both want stdout.
void check(const WorkloadOptions& options);
void add_long_run(CLI::App& verb, LongRunOptions& options);
/// The part of it that any run has: --progress and --quiet.
void add_progress(CLI::App& verb, LongRunOptions& options);
/// --inputs, --distribution, --train.
void add_inputs(CLI::App& verb, InputOptions& options);
/// UsageError for options that exclude each other.
void check(const InputOptions& options);

CLI::Option* add_text(CLI::App& verb, const std::string& flags, std::string& target, const std::string& value_name,
                      const std::string& help);
CLI::Option* add_switch(CLI::App& verb, const std::string& flags, bool& target, const std::string& help);
/// Stores through `store`, so that targets may be optional.
CLI::Option* add_integer(CLI::App& verb, const std::string& flags, std::function<void(std::int64_t)> store,
                         std::int64_t low, std::int64_t high, const std::string& help);
CLI::Option* add_tolerance(CLI::App& verb, const std::string& flags, std::optional<double>& target,
                           const std::string& help);
/// "90", "90s", "5m", "1h30m".
CLI::Option* add_duration(CLI::App& verb, const std::string& flags, std::chrono::milliseconds& target,
                          const std::string& help);
/// One of `choices`, suggested when misspelt; `store` gets its index.
CLI::Option* add_choice(CLI::App& verb, const std::string& flags, const std::vector<std::string>& choices,
                        const std::function<void(std::size_t)>& store, const std::string& help);

std::chrono::milliseconds parse_duration(const std::string& text, const std::string& flag);
std::int64_t parse_integer(const std::string& text, const std::string& flag, std::int64_t low, std::int64_t high);
/// A finite number >= 0.
double parse_tolerance(const std::string& text, const std::string& flag);

/// "--time-budget" to "RINGATTN_TIME_BUDGET".
std::string environment_twin(const std::string& long_flag);

}  // namespace ringattn
