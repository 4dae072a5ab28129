#pragma once

#include "gate/baseline.h"
#include "report/report.h"

#include <filesystem>
#include <string>
#include <vector>

namespace ringattn {

/// The baseline files of one run: what they hold, and what the run found to put there.
class GateBaseline {
 public:
  /// Reads what there is. UsageError for a file that is wrong, or for none where `is_needed`.
  GateBaseline(const std::filesystem::path& where, std::string host_class, std::string setting, bool is_needed);

  const std::string& host_class() const { return host_class_; }
  bool has_host_class() const { return has_host_; }
  /// nullptr where there is no such entry.
  const CaseFacts* facts(const std::string& case_id) const;
  const ExponentFact* exponent(const std::string& among) const;
  const HostEntry* host(const std::string& case_id) const;

  // What was found.
  void found(const CaseFacts& facts);
  void found(const ExponentFact& fact);
  /// An entry without pairs keeps the ratio that is known.
  void found(HostEntry entry);

  /// Entries of this setting that were not found.
  std::vector<CheckRecord> stale() const;

  /// Puts what was found in place of what was known; `drop_stale` forgets the rest of this setting. Each file that
  /// changes is replaced as a whole. Returns what changed, a line each, the file's name before its lines.
  std::vector<std::string> update(bool drop_stale);

 private:
  BaselineFiles files_;
  std::string host_class_;
  std::string setting_;
  bool has_host_ = false;
  DeterministicBaseline known_;
  DeterministicBaseline found_;
  HostBaseline host_known_;
  HostBaseline host_found_;
};

}  // namespace ringattn
