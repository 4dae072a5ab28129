#pragma once

#include <map>
#include <string>

namespace ringattn {

/// What one process says when a run cannot go on.
struct ProcessVerdict {
  enum class Kind {
    failed,   ///< its own rank failed
    gone,     ///< a peer's connection ended
    silent,   ///< a peer has given no sign of life
    slow,     ///< a peer lives, and what it owes has not come within the deadline
    nothing,  ///< it knows of nothing: it stops because others do
  };
  Kind kind = Kind::nothing;
  int seen_by = 0;
  int accused = -1;     ///< the peer, or the rank itself
  std::string words{};  ///< the error, whole

  std::string to_note() const;
  /// What to_note gave. Throws RuntimeFailure for anything else.
  static ProcessVerdict from_note(const std::string& note);
};

/// The one cause that all processes name when each has said its verdict: the same on each that knows the same verdicts.
/// A rank that failed itself comes first; then a peer that is gone or silent; then one that is slow and does not itself
/// wait for somebody; of several the lowest accused, as its lowest witness tells it. Null where nobody knows anything.
const ProcessVerdict* first_cause(const std::map<int, ProcessVerdict>& verdicts);

}  // namespace ringattn
