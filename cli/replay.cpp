#include "cli/replay.h"

#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/verbs.h"
#include "config/error.h"
#include "report/table.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <array>
#include <fnmatch.h>

namespace ringattn {
namespace {

struct Replayed {
  const Recording* recording = nullptr;
  ReplayVerdict verdict{};
};

/// `*` also stands for slashes, so that `v2/*` is every case of v2.
bool is_chosen(const Recording& recording, const std::string& filter) {
  return filter.empty() || fnmatch(filter.c_str(), recording.id.c_str(), 0) == 0;
}

std::vector<const Recording*> choose(const std::vector<Recording>& recordings, const ReplayOptions& options) {
  std::vector<const Recording*> chosen;
  for (const Recording& recording : recordings) {
    if (is_chosen(recording, options.filter)) chosen.push_back(&recording);
  }
  if (!chosen.empty()) return chosen;
  throw UsageError("--filter: no case of " + options.folder + " matches (got \"" + options.filter +
                   "\"); its first is " + recordings.front().id);
}

/// Ends early after Ctrl-C.
std::vector<Replayed> replay_all(const std::vector<const Recording*>& chosen, const ReplayOptions& options,
                                 Terminal& terminal) {
  Replayer replayer(replay_lookup());
  Progress progress(terminal, options.run.quiet ? ProgressChoice::never : options.run.progress,
                    static_cast<std::int64_t>(chosen.size()));
  std::vector<Replayed> replayed;
  for (const Recording* recording : chosen) {
    if (interrupted()) break;
    progress.begin(recording->id);
    replayed.push_back({recording, replayer.replay(*recording)});
    progress.finish();
  }
  return replayed;
}

struct Counts {
  std::int64_t matched = 0, differ = 0, refused = 0;
};

Counts count(const std::vector<Replayed>& all) {
  Counts counts;
  for (const Replayed& one : all) {
    if (one.verdict.outcome == ReplayOutcome::matched) ++counts.matched;
    if (one.verdict.outcome == ReplayOutcome::differs) ++counts.differ;
    if (one.verdict.outcome == ReplayOutcome::refused) ++counts.refused;
  }
  return counts;
}

Tone tone_of(ReplayOutcome outcome) {
  if (outcome == ReplayOutcome::matched) return Tone::good;
  return outcome == ReplayOutcome::differs ? Tone::bad : Tone::faint;
}

std::string to_text(const std::vector<Replayed>& all, const Counts& counts, const TextStyle& style) {
  std::string text;
  for (const Replayed& one : all) {
    const std::string word = fmt::format("{:<7}", to_string(one.verdict.outcome));
    text += paint(word, tone_of(one.verdict.outcome), style) + "  " + one.recording->id;
    if (!one.verdict.words.empty()) text += ": " + one.verdict.words;
    text += "\n";
  }
  return text + fmt::format("{} matched, {} differ, {} refused\n", counts.matched, counts.differ, counts.refused);
}

Json to_json(const std::vector<Replayed>& all, const Counts& counts, const std::string& folder) {
  Json cases = Json::array();
  for (const Replayed& one : all) {
    cases.push_back({{"id", one.recording->id},
                     {"alias", one.recording->alias},
                     {"class", one.recording->class_name},
                     {"world_size", one.recording->world_size},
                     {"outcome", to_string(one.verdict.outcome)},
                     {"reason", one.verdict.words}});
  }
  return {{"folder", folder},
          {"matched", counts.matched},
          {"differ", counts.differ},
          {"refused", counts.refused},
          {"cases", std::move(cases)}};
}

}  // namespace

int run_replay(const ReplayOptions& options, Terminal& terminal) {
  const std::vector<Recording> recordings = read_recordings(options.folder);
  const std::vector<Replayed> all = replay_all(choose(recordings, options), options, terminal);
  const Counts counts = count(all);
  show_result(terminal, options.json, json_text(to_json(all, counts, options.folder)),
              to_text(all, counts, terminal.style()));
  throw_if_interrupted();
  const bool is_good = counts.differ == 0 && (!options.is_strict || counts.refused == 0);
  return is_good ? exit_yes : exit_no;
}

void add_replay(CLI::App& app, const SharedOptions& shared, Invocation& invocation) {
  const auto options = std::make_shared<ReplayOptions>();
  options->shared = shared;
  CLI::App* verb = app.add_subcommand("replay", "do the old implementations do what was recorded of the originals?");
  verb->add_option("folder", options->folder, "index.json and golden.safetensors")->type_name("FOLDER")->required();
  add_text(*verb, "--filter", options->filter, "GLOB", "only the cases whose id matches, such as 'v2/w2/*'");
  add_switch(*verb, "--strict", options->is_strict, "a refused case fails, too");
  add_json(*verb, options->json);
  add_progress(*verb, options->run);
  add_shared(*verb, options->shared);
  verb->final_callback([options, &invocation] {
    invocation = {options->shared.color, [options](Terminal& terminal) { return run_replay(*options, terminal); }};
  });
}

}  // namespace ringattn
