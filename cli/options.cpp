#include "cli/options.h"

#include "config/did_you_mean.h"
#include "config/error.h"

#include <CLI/CLI.hpp>

#include <cctype>
#include <charconv>
#include <cmath>
#include <utility>

namespace ringattn {
namespace {

/// The long name of "-q,--quiet": "--quiet".
std::string long_flag(const std::string& flags) { return flags.substr(flags.find("--")); }

CLI::Option* with_twin(CLI::Option* option, const std::string& flags) {
  return option->envname(environment_twin(long_flag(flags)));
}

CLI::Option* add_parsed(CLI::App& verb, const std::string& flags, const std::function<void(const std::string&)>& read,
                        const std::string& value_name, const std::string& help) {
  CLI::Option* option = verb.add_option_function<std::string>(flags, read, help);
  return with_twin(option->type_name(value_name), flags);
}

template <typename T>
std::optional<T> whole_number(const std::string& text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = error == std::errc{} && end == text.data() + text.size();
  return is_whole ? std::optional<T>(value) : std::nullopt;
}

[[noreturn]] void refuse(const std::string& flag, const std::string& wanted, const std::string& text) {
  throw UsageError(flag + ": must be " + wanted + " (got \"" + text + "\")");
}

/// -a and --set: repeatable, one value each, so that a positional word after them is not swallowed.
void add_repeatable(CLI::App& verb, const std::string& flags, std::vector<std::string>& target,
                    const std::string& value_name, const std::string& help) {
  verb.add_option(flags, target, help)->type_name(value_name)->allow_extra_args(false)->take_all();
}

}  // namespace

std::string environment_twin(const std::string& flag) {
  std::string name = "RINGATTN_";
  for (const char c : flag.substr(2))
    name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

Resolved WorkloadOptions::resolve(const Env& env) const { return ringattn::resolve(preset, env, overrides); }

std::int64_t parse_integer(const std::string& text, const std::string& flag, std::int64_t low, std::int64_t high) {
  const auto value = whole_number<std::int64_t>(text);
  if (value && *value >= low && *value <= high) return *value;
  const bool bounded = high != std::numeric_limits<std::int64_t>::max();
  refuse(flag,
         bounded    ? "an integer between " + std::to_string(low) + " and " + std::to_string(high)
         : low == 1 ? "a positive integer"
                    : "an integer, at least " + std::to_string(low),
         text);
}

double parse_tolerance(const std::string& text, const std::string& flag) {
  const auto value = whole_number<double>(text);
  if (!value || !std::isfinite(*value) || *value < 0.0) refuse(flag, "a finite number, at least 0, such as 1e-3", text);
  return *value;
}

std::chrono::milliseconds parse_duration(const std::string& text, const std::string& flag) {
  constexpr std::int64_t seconds_max = 1'000'000;
  const std::string wanted =
      "a time such as 90, 90s, 5m or 1h30m, above 0 and at most " + std::to_string(seconds_max) + " s";
  std::int64_t seconds = 0;
  const char* next = text.data();
  const char* const end = text.data() + text.size();
  while (next != end) {
    std::int64_t part = 0;
    const auto [after, error] = std::from_chars(next, end, part);
    if (error != std::errc{} || part < 0 || part > seconds_max) refuse(flag, wanted, text);
    const char unit = after == end ? 's' : *after;
    if (unit != 's' && unit != 'm' && unit != 'h') refuse(flag, wanted, text);
    seconds += part * (unit == 'h' ? 3600 : unit == 'm' ? 60 : 1);
    next = after == end ? end : after + 1;
  }
  if (seconds < 1 || seconds > seconds_max) refuse(flag, wanted, text);
  return std::chrono::seconds(seconds);
}

CLI::Option* add_text(CLI::App& verb, const std::string& flags, std::string& target, const std::string& value_name,
                      const std::string& help) {
  const auto read = [&target, flag = long_flag(flags)](const std::string& text) {
    if (text.empty()) refuse(flag, "a name or a file, not empty", text);
    target = text;
  };
  return add_parsed(verb, flags, read, value_name, help);
}

CLI::Option* add_switch(CLI::App& verb, const std::string& flags, bool& target, const std::string& help) {
  return with_twin(verb.add_flag(flags, target, help), flags);
}

CLI::Option* add_integer(CLI::App& verb, const std::string& flags, std::function<void(std::int64_t)> store,
                         std::int64_t low, std::int64_t high, const std::string& help) {
  const auto read = [store = std::move(store), flag = long_flag(flags), low, high](const std::string& text) {
    store(parse_integer(text, flag, low, high));
  };
  return add_parsed(verb, flags, read, "N", help);
}

CLI::Option* add_tolerance(CLI::App& verb, const std::string& flags, std::optional<double>& target,
                           const std::string& help) {
  const auto read = [&target, flag = long_flag(flags)](const std::string& text) {
    target = parse_tolerance(text, flag);
  };
  return add_parsed(verb, flags, read, "X", help);
}

CLI::Option* add_duration(CLI::App& verb, const std::string& flags, std::chrono::milliseconds& target,
                          const std::string& help) {
  const auto read = [&target, flag = long_flag(flags)](const std::string& text) {
    target = parse_duration(text, flag);
  };
  return add_parsed(verb, flags, read, "TIME", help);
}

CLI::Option* add_choice(CLI::App& verb, const std::string& flags, const std::vector<std::string>& choices,
                        const std::function<void(std::size_t)>& store, const std::string& help) {
  std::string value_name;
  for (const std::string& choice : choices) value_name += (value_name.empty() ? "" : "|") + choice;
  const auto read = [=, flag = long_flag(flags)](const std::string& text) {
    for (std::size_t i = 0; i < choices.size(); ++i) {
      if (choices[i] == text) return store(i);
    }
    throw UsageError(flag + ": unknown value \"" + text + "\"" + did_you_mean(text, choices));
  };
  return add_parsed(verb, flags, read, value_name, help);
}

void add_shared(CLI::App& verb, SharedOptions& options) {
  const auto store = [&options](std::size_t i) { options.color = static_cast<ColorChoice>(i); };
  add_choice(verb, "--color", {"auto", "always", "never"}, store, "colour on stdout and stderr (NO_COLOR is honoured)");
}

void add_workload(CLI::App& verb, WorkloadOptions& options) {
  const auto preset = [&options](const std::string& text) {
    if (text.empty()) refuse("--preset", "a name or a file, not empty", text);
    options.preset = text;
    options.preset_is_default = false;
  };
  add_parsed(verb, "--preset", preset, "PRESET|FILE|-",
             "what to run; see `ringattn list presets` (default: " + options.preset + ")");
  add_repeatable(verb, "-a,--axis", options.overrides.axes, "AXIS=SPEC",
                 "replace an axis of the workload, such as seq_len=[1024:8192:1024]");
  add_repeatable(verb, "--set", options.overrides.sets, "FIELD=VALUE",
                 "set a field of the configuration, such as pattern=dense");
  add_json(verb, options.json);
}

void add_json(CLI::App& verb, std::string& target) {
  add_text(verb, "--json", target, "FILE|-", "write the result as JSON; - is stdout, which then carries nothing else");
}

void add_deterministic_only(CLI::App& verb, WorkloadOptions& options) {
  add_switch(verb, "--deterministic-only", options.deterministic_only,
             "print only what is the same in every run and under every launcher, as JSON");
}

void check(const WorkloadOptions& options) {
  if (options.deterministic_only && options.json == "-")
    throw UsageError("--deterministic-only: takes stdout, and so does --json -; name a file there, or leave one out");
}

void add_long_run(CLI::App& verb, LongRunOptions& options) {
  constexpr std::int64_t seed_max = std::numeric_limits<std::int64_t>::max();
  add_integer(
      verb, "--seed", [&options](std::int64_t n) { options.seed = n; }, 0, seed_max,
      "seed of the inputs (default: 42)");
  add_duration(verb, "--timeout", options.timeout,
               "deadline of a single wait between ranks, beyond what the work itself may take (default: 30s)");
  add_progress(verb, options);
}

void add_progress(CLI::App& verb, LongRunOptions& options) {
  const auto store = [&options](std::size_t i) { options.progress = static_cast<ProgressChoice>(i); };
  add_choice(verb, "--progress", {"auto", "always", "never"}, store,
             "status line on stderr; always: also where that is no terminal");
  add_switch(verb, "-q,--quiet", options.quiet, "nothing on stderr but errors");
}

void add_inputs(CLI::App& verb, InputOptions& options) {
  add_text(verb, "--inputs", options.file, "FILE",
           "query, key, value (and mask) from a safetensors file instead of --seed");
  const auto store = [&options](std::size_t i) { options.distribution = static_cast<InputDistribution>(i); };
  add_choice(
      verb, "--distribution", input_distributions(), store,
      "what made numbers look like: standard normal, or one of five that are hard on arithmetic (default: normal)");
  add_switch(verb, "--train", options.is_training,
             "apply the configuration's dropout, keyed by position and --seed, on both sides alike");
}

void check(const InputOptions& options) {
  if (!options.file.empty() && options.distribution != InputDistribution::normal) {
    throw UsageError("--distribution: " + std::string(to_string(options.distribution)) +
                     " is of made inputs; leave it out with --inputs");
  }
}

}  // namespace ringattn
