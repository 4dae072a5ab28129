#include "cli/project_options.h"

#include "config/axis.h"
#include "config/error.h"

#include <CLI/CLI.hpp>

namespace ringattn {
namespace {

/// "ranks=1024,8192", in the words of -a.
std::vector<std::int64_t> parse_ranks(const std::string& text) {
  if (text.substr(0, text.find_first_of("=[")) != "ranks")
    throw UsageError("--project " + text + ": must be ranks=LIST, such as ranks=1024,8192");
  Workload workload;
  apply_axis(workload, text, "--project");
  return workload.ranks;
}

}  // namespace

void add_projection(CLI::App& verb, ProjectOptions& options) {
  verb.add_option_function<std::string>(
          "--project", [&options](const std::string& text) { options.ranks = parse_ranks(text); },
          "price the cases for so many ranks too, without running them (ranks=1024,8192)")
      ->type_name("ranks=LIST")
      ->envname(environment_twin("--project"));
  add_text(verb, "--network", options.network, "NAME|FILE",
           "the ranks and links that --project prices, such as h100_ib400 (default: machines like this one)");
  add_switch(verb, "--project-only", options.is_alone, "run no case, only price those of --project");
  add_switch(verb, "--calibrate", options.calibrate,
             "measure this machine's rates and foretell the time of each case; --project does so anyway");
}

void check(const ProjectOptions& options) {
  if (options.is_alone && options.ranks.empty())
    throw UsageError("--project-only: nothing is priced without --project ranks=LIST");
  if (!options.network.empty() && options.ranks.empty())
    throw UsageError("--network " + options.network + ": nothing is priced on it without --project ranks=LIST");
}

}  // namespace ringattn
