// Every recording of tests/golden as its owner would have it, without name and family: which of them are identified.
//
//   identify_sweep [--lists kept|removed] [--ranks kept|removed] [--change] [--only PART] [--part I/K] [--all]
//
// --change makes one value of magnitude >= 0.01 larger by 1 %, after which nothing may fit. --only takes the recordings
// whose id holds PART, --part the I-th of K shares, --all also prints what is as it should be. Prints one line for
// each recording that is not as it should be, and a summary; ends with 1 where there is such a line. Minutes; `ctest -C
// sweep` runs it.

#include "../support/user_recordings.h"
#include "config/names.h"
#include "legacy/catalogue.h"
#include "legacy/identify_recording.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <map>
#include <string>
#include <vector>

namespace ringattn::sweep {
namespace {

struct Options {
  bool with_lists = true, with_ranks = true, is_changed = false, prints_all = false;
  std::string only{};
  int part = 0, parts = 1;
};

bool is_removed(const std::string& word, const std::string& flag) {
  if (word != "kept" && word != "removed") throw std::invalid_argument(flag + ": kept or removed, not " + word);
  return word == "removed";
}

Options read(const std::vector<std::string>& words) {
  Options options;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto value = [&] {
      if (i + 1 == words.size()) throw std::invalid_argument(words[i] + ": wants a value");
      return words[++i];
    };
    if (words[i] == "--lists") {
      options.with_lists = !is_removed(value(), "--lists");
    } else if (words[i] == "--ranks") {
      options.with_ranks = !is_removed(value(), "--ranks");
    } else if (words[i] == "--change") {
      options.is_changed = true;
    } else if (words[i] == "--all") {
      options.prints_all = true;
    } else if (words[i] == "--only") {
      options.only = value();
    } else if (words[i] == "--part") {
      const std::string share = value();
      options.part = std::stoi(share);
      options.parts = std::stoi(share.substr(share.find('/') + 1));
    } else {
      throw std::invalid_argument("unknown: " + words[i]);
    }
  }
  return options;
}

/// What must be found without lists: one process, heads in groups of the pairs, at most 128 rows, no projections.
bool is_searchable(const Recording& recording) {
  const auto input = recording.inputs.find("query");
  if (recording.world_size != 1 || input == recording.inputs.end() || input->second.dim() != 4) return false;
  const legacy::CatalogueEntry& entry = legacy::find_legacy(recording.alias);
  return input->second.size(1) <= 128 && entry.takes == legacy::Takes::qkv && entry.intended &&
         entry.intended->heads != HeadRule::all;
}

/// What a recording came to. `ok`: as it should be.
struct Result {
  std::string word;
  bool ok = false;
};

Result judge(const Options& options, const Recording& recording, const legacy::RecordingIdentity& identity) {
  const auto& matches = identity.found.matches;
  if (options.is_changed) return matches.empty() ? Result{"no match", true} : Result{"MATCH", false};
  const bool is_named = std::any_of(matches.begin(), matches.end(),
                                    [&](const Judged& match) { return match.candidate.name == recording.alias; });
  if (is_named) return {"identified", true};
  if (!matches.empty()) return {"tied", true};
  if (options.with_lists || is_searchable(recording)) return {"MISSED", false};
  const bool says = std::count(identity.missing.begin(), identity.missing.end(), "segment_lengths") > 0;
  return says ? Result{"says what would decide", true} : Result{"SAYS NOTHING", false};
}

std::string names(const Identification& found) {
  std::vector<std::string> all;
  for (const Judged& match : found.matches)
    if (std::find(all.begin(), all.end(), match.candidate.name) == all.end()) all.push_back(match.candidate.name);
  return fmt::format("{}", fmt::join(all, ", "));
}

OldCall call_of(const Options& options, const Recording& recording) {
  OldCall call = testing::known_call(recording);
  if (!options.with_lists) call.segment_lengths = call.dilation_rates = std::nullopt;
  if (!options.with_ranks) call.ranks = std::nullopt;
  if (!options.with_ranks && recording.world_size == 1) call.ring_size = std::nullopt;
  return call;
}

class Sweep {
 public:
  explicit Sweep(const Options& options) : options_(options) {}

  void add(const Recording& recording) {
    UserRecording user = testing::anonymous(recording);
    if (options_.is_changed && !testing::change_one_value(user, seen_)) return;
    const auto begun = std::chrono::steady_clock::now();
    const auto identity = legacy::identify_recording(user, call_of(options_, recording));
    const double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    const Result result = judge(options_, recording, identity);
    count(recording, result, s);
    const double second = identity.found.second ? identity.found.second->fit.ratio : -1.0;
    if (options_.prints_all || !result.ok)
      fmt::print("{:<8} {:<24} {:6.2f} s  second {:9.3g}  {}: {}\n", is_searchable(recording) ? "grouped" : "other",
                 result.word, s, second, recording.id, names(identity.found));
    std::cout << std::flush;
  }

  int finish() const {
    for (const auto& [word, n] : counts_) fmt::print("{:6} {}\n", n, word);
    fmt::print("{:.1f} s in all, the longest {:.2f} s ({}); {} not as they should be\n", spent_, longest_, slowest_,
               bad_);
    return bad_ == 0 ? 0 : 1;
  }

  bool takes(const Recording& recording) {
    const bool is_wanted = recording.result == RecordedResult::tensor && testing::has_a_number(recording) &&
                           recording.id.find(options_.only) != std::string::npos;
    return is_wanted && seen_++ % options_.parts == options_.part;
  }

 private:
  void count(const Recording& recording, const Result& result, double s) {
    ++counts_[std::string(is_searchable(recording) ? "grouped, one process, n <= 128: " : "other: ") + result.word];
    if (!result.ok) ++bad_;
    spent_ += s;
    if (s > longest_) longest_ = s, slowest_ = recording.id;
  }

  const Options& options_;
  std::map<std::string, int> counts_;
  int seen_ = 0, bad_ = 0;
  double spent_ = 0.0, longest_ = 0.0;
  std::string slowest_;
};

int run(const std::vector<std::string>& words) {
  const Options options = read(words);
  Sweep sweep(options);
  for (const char* folder : {"legacy", "hilbert"}) {
    for (const Recording& recording : read_recordings(std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/" + folder))
      if (sweep.takes(recording)) sweep.add(recording);
  }
  return sweep.finish();
}

}  // namespace
}  // namespace ringattn::sweep

int main(int count, char** words) {
  try {
    return ringattn::sweep::run({words + 1, words + count});
  } catch (const std::exception& error) {
    std::cerr << "identify_sweep: " << error.what() << "\n";
    return 2;
  }
}
