#pragma once

#include "gate/facts.h"
#include "report/report.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Baselines are JSON lines: a head, then one object a line, sorted, so that a change reads well in a diff.
//
//   deterministic.jsonl        what is the same on all machines (facts.h)
//   time/<host class>.jsonl    what is not: time against the reference, and whole peak bytes, of one class of hosts

namespace ringattn {

/// What an entry is about: setting, and case or fit within it.
using BaselineKey = std::pair<std::string, std::string>;

/// "ci/standard/…" with a digest of the configuration fields that are not at their defaults: entries of another
/// configuration are not compared with.
std::string setting_key(const std::string& preset, const std::string& implementation, const Json& config,
                        const Json& default_config);

struct DeterministicBaseline {
  std::map<BaselineKey, CaseFacts> cases;
  std::map<BaselineKey, ExponentFact> exponents;
  bool operator==(const DeterministicBaseline&) const = default;
};

/// One case on one class of hosts.
struct HostEntry {
  std::string id;
  std::vector<std::int64_t> peak_bytes;  ///< above the inputs, by rank, library workspace included
  IntervalRecord ratio;                  ///< time over the reference's; 0 where none was taken
  std::int64_t pairs = 0;
  bool operator==(const HostEntry&) const = default;
};
using HostBaseline = std::map<BaselineKey, HostEntry>;

/// Strict: UsageError with source, line, JSON pointer and value.
DeterministicBaseline deterministic_from_text(std::string_view text, const std::string& source);
HostBaseline host_from_text(std::string_view text, const std::string& source);
std::string to_text(const DeterministicBaseline& baseline);
std::string to_text(const HostBaseline& baseline, const std::string& host_class);

/// What an update changes, a line each: "+ new entry", "- entry that goes", "~ case: rank 1 messages 6 -> 7".
std::vector<std::string> difference(const DeterministicBaseline& before, const DeterministicBaseline& after);
std::vector<std::string> difference(const HostBaseline& before, const HostBaseline& after);

/// Where the files lie: `where` is the folder of both, or the deterministic file.
struct BaselineFiles {
  std::filesystem::path deterministic;
  std::filesystem::path host;
};
BaselineFiles baseline_files(const std::filesystem::path& where, const std::string& host_class);

/// Reads a file, missing: none. UsageError where it cannot be read or is wrong.
std::optional<DeterministicBaseline> load_deterministic(const std::filesystem::path& path);
std::optional<HostBaseline> load_host(const std::filesystem::path& path);

}  // namespace ringattn
