#pragma once

#include "cli/compare_options.h"
#include "cli/terminal.h"
#include "compare/identify.h"
#include "compare/old_call.h"
#include "compare/user_recording.h"

#include <string>
#include <vector>

namespace ringattn {

/// `ringattn compare --old FILE.safetensors`: which catalogued function or defect a recording of the user's own is, and
/// the new configuration that preserves it.
bool is_recording(const std::string& name);
int run_identify(const CompareOptions& options, Terminal& terminal);

/// What the old implementations of this build say of a recording.
struct OldIdentity {
  Identification found{};
  std::vector<int> ranks{};
  std::vector<std::string> missing{};
  bool lists_were_searched = false;
};

// identify_side.cpp, or without_legacy.cpp in a build without legacy/:

/// Unavailable in a build without legacy/.
OldIdentity identify_old(const UserRecording& recording, const OldCall& call, const IdentifyOptions& options);
/// The constructor arguments of old classes, by name.
std::vector<std::string> old_parameter_names();

}  // namespace ringattn
