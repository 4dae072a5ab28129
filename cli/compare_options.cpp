#include "cli/compare_options.h"

#include "cli/identify.h"
#include "cli/old_side.h"
#include "cli/verbs.h"
#include "config/config_json.h"
#include "config/did_you_mean.h"
#include "config/error.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace ringattn {
namespace {

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(json_bytes_max + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

void check_projection(const std::string& projection) {
  const std::vector<std::string> known{"none", "identity", "random"};
  const bool is_word = std::find(known.begin(), known.end(), projection) != known.end();
  if (projection.empty() || is_word || projection.find(".safetensors") != std::string::npos) return;
  throw UsageError("--projection: \"" + projection + "\" is no known word and no FILE.safetensors" +
                   did_you_mean(projection, known));
}

void check(const CompareOptions& options) {
  check(options.inputs);
  check(options.workload);
  if (options.workload.deterministic_only && (is_recording(options.legacy) || is_old_family(options.legacy)))
    throw UsageError("--deterministic-only: is of one old implementation's cases; --old " + options.legacy +
                     " has a result of another form");
  check_projection(options.inputs.projection);
  if (options.with_projection && options.inputs.projection == "none")
    throw UsageError("--with-projection: there are no layers with --projection none; leave one of them out");
  if (options.bisect && !options.inputs.projection.empty() && options.inputs.projection != "none")
    throw UsageError("--bisect: looks at the attention alone, not through --projection; leave one of them out");
  if (options.rtol.has_value() != options.atol.has_value()) {
    throw UsageError("--rtol, --atol: give both or neither; one without the other has no clear meaning");
  }
  if (options.ranks && !options.legacy.ends_with(".safetensors")) {
    throw UsageError(
        "--ranks: says what a recording (--old FILE.safetensors) was made on; -a ranks=… says on how many "
        "to compare");
  }
  if (options.no_time && options.pairs)
    throw UsageError("--pairs: nothing is timed with --no-time; leave one of them out");
  if (options.legacy == "oracle" && options.as_shipped) {
    throw UsageError("--as-shipped: the oracle was never shipped; name an old implementation with --old");
  }
  if (options.legacy == "oracle" && !options.old_config.empty()) {
    throw UsageError("--config: the oracle was never constructed; name an old implementation with --old");
  }
}

void add_subject(CLI::App& verb, CompareOptions& options) {
  add_text(verb, "--old", options.legacy, "OLD|oracle|FILE",
           "old implementation, oracle, or a recording (FILE.safetensors)")
      ->required();
  add_text(verb, "--new", options.candidate, "NEW", "new implementation (default: the preset's)");
  add_switch(verb, "--as-shipped", options.as_shipped, "the old one as it was released, defects and all");
  verb.add_option_function<std::string>(
          "--new-config", [&options](const std::string& text) { options.new_config = parse_new_config(text); },
          "configuration of the new one: what the old one computed, what the guide says, or your own (default: "
          "preserving)")
      ->type_name("preserving|guide|JSON|FILE")
      ->envname(environment_twin("--new-config"));
  add_text(verb, "--config", options.old_config, "FILE|JSON",
           "arguments that the old class was constructed with; each one is kept, renamed, dropped or refused");
  add_switch(
      verb, "--backward", options.backward,
      "judge dq, dk and dv as well, from a grad_out that is made, or read, as the inputs are; bytes and time are "
      "of forward and backward");
  add_inputs(verb, options.inputs);
  add_text(verb, "--projection", options.inputs.projection, "none|identity|random|FILE",
           "layers around the attention on both sides, from x (default: none; identity where --old is a released "
           "module; random with --with-projection)");
  add_switch(verb, "--with-projection", options.with_projection,
             "the module around the new one too: rows split before they are projected, and after");
}

void add_recording(CLI::App& verb, CompareOptions& options) {
  add_integer(
      verb, "--ranks", [&options](std::int64_t ranks) { options.ranks = ranks; }, 1, 1024,
      "ranks that a recording (--old FILE.safetensors) was made on (default: tried)");
}

void add_judgement(CLI::App& verb, CompareOptions& options) {
  add_tolerance(verb, "--rtol", options.rtol, "relative tolerance everywhere; needs --atol");
  add_tolerance(verb, "--atol", options.atol, "absolute tolerance everywhere; needs --rtol");
  add_switch(verb, "--bisect", options.bisect,
             "where the new one is wrong, run it again and name the first rank and hop after which its rows, or "
             "gradients, are");
  add_text(verb, "--accept", options.accept, "FILE", "known differences that count as yes until they expire");
  add_switch(verb, "--strict", options.strict, "exit 5 when a time is inconclusive");
}

void add_effort(CLI::App& verb, CompareOptions& options) {
  add_integer(
      verb, "--pairs", [&options](std::int64_t n) { options.pairs = n; }, 1, 10'001,
      "timed pairs a case (default: 21; 7 without --preset)");
  add_switch(verb, "--no-time", options.no_time, "time nothing: numbers, bytes and messages only");
  verb.add_option_function<std::string>(
          "--time-budget",
          [&options](const std::string& text) { options.time_budget = parse_duration(text, "--time-budget"); },
          "begin no case after this time; the rest is listed as skipped")
      ->type_name("TIME")
      ->envname(environment_twin("--time-budget"));
  add_text(verb, "--bundle", options.bundle, "FILE",
           "configuration, environment, report and failing tensors for a bug report");
  add_text(verb, "--resume", options.resume, "FILE", "go on from the report of an interrupted run");
}

}  // namespace

NewConfig parse_new_config(const std::string& text) {
  if (text == "preserving") return {.kind = NewConfig::Kind::preserving};
  if (text == "guide") return {.kind = NewConfig::Kind::guide};
  NewConfig given{.kind = NewConfig::Kind::given};
  std::error_code ignored;
  if (text.starts_with("{")) {
    given.given = config_from_json_text(text, "--new-config");
  } else if (std::filesystem::is_regular_file(text, ignored)) {
    given.given = config_from_json_text(read_text(text), text);
  } else {
    const std::vector<std::string> known{"preserving", "guide"};
    throw UsageError("--new-config: \"" + text + "\" is no known word, JSON object or file" +
                     did_you_mean(text, known));
  }
  return given;
}

void add_compare(CLI::App& app, const SharedOptions& shared, Invocation& invocation) {
  const auto options = std::make_shared<CompareOptions>();
  options->shared = shared;
  CLI::App* verb = app.add_subcommand("compare", "is the new result right, and what does the move buy?");
  add_subject(*verb, *options);
  add_workload(*verb, options->workload);
  add_deterministic_only(*verb, options->workload);
  add_recording(*verb, *options);
  add_judgement(*verb, *options);
  add_effort(*verb, *options);
  add_long_run(*verb, options->run);
  add_shared(*verb, options->shared);
  verb->final_callback([options, &invocation] {
    check(*options);
    invocation = {options->shared.color, [options](Terminal& terminal) { return run_compare(*options, terminal); },
                  true};
  });
}

}  // namespace ringattn
