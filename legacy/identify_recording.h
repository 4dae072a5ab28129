#pragma once

#include "compare/identify.h"
#include "compare/old_call.h"
#include "compare/user_recording.h"

#include <string>
#include <vector>

namespace ringattn::legacy {

/// What is known of a recording once everything was tried that its call leaves open.
struct RecordingIdentity {
  Identification found{};
  std::vector<int> ranks{};            ///< that were tried
  std::vector<std::string> missing{};  ///< what would decide, where nothing fits: "segment_lengths", "ranks", …
  bool lists_were_searched = false;    ///< the lists are of the search, not of the caller
};

/// First what is given, then races, then arguments that nobody gave; without lists first what needs none, then (n <=
/// 128, one process, query, key and value) lists that the numbers allow.
RecordingIdentity identify_recording(const UserRecording& recording, const OldCall& call,
                                     const IdentifyOptions& options = {});

}  // namespace ringattn::legacy
