#include "cli/identify.h"
#include "legacy/identify_recording.h"
#include "legacy/parameters.h"

#include <utility>

namespace ringattn {

OldIdentity identify_old(const UserRecording& recording, const OldCall& call, const IdentifyOptions& options) {
  legacy::RecordingIdentity identity = legacy::identify_recording(recording, call, options);
  return {std::move(identity.found), std::move(identity.ranks), std::move(identity.missing),
          identity.lists_were_searched};
}

std::vector<std::string> old_parameter_names() { return legacy::known_parameters(); }

}  // namespace ringattn
