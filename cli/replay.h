#pragma once

#include "cli/options.h"
#include "compare/replay.h"

namespace ringattn {

/// `ringattn replay FOLDER`: whether the released classes, as built here, do what recordings of the originals say.
struct ReplayOptions {
  SharedOptions shared{};
  std::string folder{};
  std::string filter{};    ///< glob over case ids; "": all
  bool is_strict = false;  ///< a refused case is a failure
  std::string json{};      ///< file for the JSON form, "-" for stdout instead of text, "" for none
  LongRunOptions run{};    ///< progress and quiet alone
};

void add_replay(CLI::App& app, const SharedOptions& shared, Invocation& invocation);

/// What stands behind the aliases of recordings in this build. Throws Unavailable where it has no old implementations.
ReplayLookup replay_lookup();

}  // namespace ringattn
