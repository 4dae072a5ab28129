#pragma once

#include "cli/options.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ringattn {

/// `bench --project` and `--calibrate`: what times are foretold, and for whom.
struct ProjectOptions {
  std::vector<std::int64_t> ranks{};  ///< of worlds that are priced and never run; empty: none
  std::string network{};   ///< name or file of a network description; "": each rank is a machine like this one
  bool is_alone = false;   ///< run nothing: project alone
  bool calibrate = false;  ///< foretell the time of what is run, too; --project does so anyway

  bool is_wanted() const { return calibrate || !ranks.empty(); }
};

void add_projection(CLI::App& verb, ProjectOptions& options);
/// UsageError for options that have no meaning together.
void check(const ProjectOptions& options);

}  // namespace ringattn
