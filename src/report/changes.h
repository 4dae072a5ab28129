#pragma once

#include "report/collection.h"
#include "report/text.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// What two reports can be compared by: one implementation in one case. nullopt: nothing is known of it.
struct CaseState {
  std::string id;
  std::string implementation;
  std::string outcome;  ///< "" where nothing was judged
  std::optional<double> peak_bytes{};
  std::optional<double> sent_bytes{};
  std::optional<double> messages{};
  std::optional<IntervalRecord> time_ns{};
  std::string machine{};  ///< times of different machines are not compared
};
std::vector<CaseState> states_of(const Collection& collection);
/// Of a gate's deterministic baseline (JSON lines): bytes and messages sent. UsageError names source, line and pointer.
std::vector<CaseState> states_of_baseline(std::string_view text, const std::string& source);

/// One difference. Good and bad are said where more is clearly worse (bytes, messages, time) or an outcome left match.
struct Change {
  std::string id;
  std::string implementation;
  std::string words;  ///< "peak bytes 9,961,472 → 9,961,488 (+16)"
  Tone tone = Tone::plain;
  bool is_presence = false;  ///< only one side has it: there may be many, so pages fold them away
};
struct Changes {
  std::string baseline;  ///< what it is since
  std::vector<Change> changes;
  std::size_t compared = 0;          ///< implementations in cases that both have
  std::size_t unchanged = 0;         ///< of them
  std::size_t times_uncompared = 0;  ///< of them, timed on both sides, but on different machines
};

/// Counts are compared with ==. Times of one machine are said to differ where their intervals do not overlap.
Changes changes_between(const std::vector<CaseState>& before, const std::vector<CaseState>& now,
                        const std::string& baseline);
/// "40 compared with base.json: 38 unchanged, 2 changed, 1 new".
std::string changes_line(const Changes& changes);

}  // namespace ringattn
