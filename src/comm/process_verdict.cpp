#include "comm/process_verdict.h"

#include "config/error.h"

#include <algorithm>
#include <sstream>
#include <tuple>

namespace ringattn {
namespace {

bool accuses_somebody(const std::map<int, ProcessVerdict>& verdicts, int rank) {
  const auto found = verdicts.find(rank);
  return found != verdicts.end() && found->second.kind != ProcessVerdict::Kind::nothing;
}

}  // namespace

std::string ProcessVerdict::to_note() const {
  return std::to_string(static_cast<int>(kind)) + " " + std::to_string(seen_by) + " " + std::to_string(accused) + " " +
         words;
}

ProcessVerdict ProcessVerdict::from_note(const std::string& note) {
  std::istringstream in(note);
  int kind = -1;
  ProcessVerdict verdict;
  in >> kind >> verdict.seen_by >> verdict.accused;
  if (!in || in.get() != ' ' || kind < 0 || kind > static_cast<int>(Kind::nothing))
    throw RuntimeFailure("a verdict cannot be read: \"" + note + "\"");
  verdict.kind = static_cast<Kind>(kind);
  std::getline(in, verdict.words, '\0');
  return verdict;
}

const ProcessVerdict* first_cause(const std::map<int, ProcessVerdict>& verdicts) {
  const auto order = [&](const ProcessVerdict& v) {
    // Who waits for a peer in vain is no cause where that peer waits in vain itself.
    const bool is_waiting = v.kind == ProcessVerdict::Kind::slow && accuses_somebody(verdicts, v.accused);
    const bool is_silence = v.kind == ProcessVerdict::Kind::gone || v.kind == ProcessVerdict::Kind::silent;
    return std::tuple(v.kind == ProcessVerdict::Kind::nothing, is_waiting,
                      v.kind == ProcessVerdict::Kind::failed ? 0
                      : is_silence                           ? 1
                                                             : 2,
                      v.accused, v.seen_by);
  };
  const auto first = std::min_element(verdicts.begin(), verdicts.end(),
                                      [&](const auto& a, const auto& b) { return order(a.second) < order(b.second); });
  const bool is_known = first != verdicts.end() && first->second.kind != ProcessVerdict::Kind::nothing;
  return is_known ? &first->second : nullptr;
}

}  // namespace ringattn
