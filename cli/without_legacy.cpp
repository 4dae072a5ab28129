#include "cli/implementations.h"
#include "cli/old_side.h"
#include "cli/replay.h"
#include "config/error.h"

#include <fmt/format.h>

// Stands in for catalogue_side.cpp, old_implementations.cpp and replay_lookup.cpp in a build without legacy/.

namespace ringattn {

std::unique_ptr<OldSide> find_catalogue_side(const std::string& name, const OldSideOptions&) {
  throw Unavailable(fmt::format(
      "--old {}: this build has no old implementations (RINGATTN_LEGACY=OFF); \"oracle\" can be compared with", name));
}

bool is_old_name(const std::string&) { return false; }

std::vector<OldImplementation> old_implementations() { return {}; }

ReplayLookup replay_lookup() {
  throw Unavailable("replay: this build has no old implementations (RINGATTN_LEGACY=OFF)");
}

}  // namespace ringattn
