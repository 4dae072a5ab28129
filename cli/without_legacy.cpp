#include "cli/explain.h"
#include "cli/identify.h"
#include "cli/implementations.h"
#include "cli/migrate_advice.h"
#include "cli/old_config.h"
#include "cli/old_side.h"
#include "cli/replay.h"
#include "config/error.h"

#include <fmt/format.h>

// Stands in for catalogue_side.cpp, identify_side.cpp, migrate_advice.cpp, old_config_settle.cpp,
// old_implementations.cpp and replay_lookup.cpp in a build without legacy/.

namespace ringattn {

std::unique_ptr<OldSide> find_catalogue_side(const std::string& name, const OldSideOptions&) {
  throw Unavailable(fmt::format(
      "--old {}: this build has no old implementations (RINGATTN_LEGACY=OFF); \"oracle\" can be compared with", name));
}

std::vector<std::string> old_family(const std::string& pattern) {
  throw Unavailable(fmt::format("--old {}: this build has no old implementations (RINGATTN_LEGACY=OFF)", pattern));
}

OldConfig load_old_config(const std::string&, const std::string& spec, bool) {
  throw Unavailable(fmt::format("--config {}: this build has no old implementations (RINGATTN_LEGACY=OFF)", spec));
}

bool is_old_name(const std::string&) { return false; }

std::vector<OldImplementation> old_implementations() { return {}; }

std::vector<Json> explain_old(const std::string& name) {
  throw Unavailable(fmt::format("explain {}: this build has no old implementations (RINGATTN_LEGACY=OFF)", name));
}

ReplayLookup replay_lookup() {
  throw Unavailable("replay: this build has no old implementations (RINGATTN_LEGACY=OFF)");
}

OldIdentity identify_old(const UserRecording& recording, const OldCall&, const IdentifyOptions&) {
  throw Unavailable(fmt::format("--old {}: this build has no old implementations to know it by (RINGATTN_LEGACY=OFF)",
                                recording.path));
}

std::vector<std::string> old_parameter_names() {
  throw Unavailable("--config: this build has no old implementations (RINGATTN_LEGACY=OFF)");
}

std::vector<std::string> old_class_names() {
  throw Unavailable("migrate: this build has no old implementations (RINGATTN_LEGACY=OFF)");
}

Advice advise(const PythonUse&) { return {}; }

}  // namespace ringattn
