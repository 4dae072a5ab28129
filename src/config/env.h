#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// Every environment variable that the program reads, read once at its start. (Flags have RINGATTN_ twins of their own,
/// which the command-line parser looks up.)
struct Env {
  std::map<std::string, std::string> fields;  ///< RINGATTN_SET_<FIELD>=value, by field name in lower case
  std::map<std::string, std::string> axes;    ///< RINGATTN_AXIS_<NAME>=spec, by axis name in lower case
  std::string preset_folder;                  ///< RINGATTN_PRESETS: where preset names are looked up first
  std::optional<int> omp_num_threads;         ///< OMP_NUM_THREADS, for the report
  bool no_color = false;                      ///< NO_COLOR is set and not empty
  bool force_color = false;                   ///< CLICOLOR_FORCE is set and neither empty nor 0
  std::string term;                           ///< TERM
  /// What a launcher says to the processes that it starts: RANK and its like, variables of Open MPI, PMI and Slurm,
  /// RINGATTN_INTERFACE and RINGATTN_LISTENER (comm/process_place.h reads them).
  std::map<std::string, std::string> launcher;

  /// Reads the variables of this process.
  static Env read();
  /// The variables of this process as NAME=value, for those that it starts.
  static std::vector<std::string> variables();
  /// The same from NAME=value strings: for tests, and for read().
  static Env from(const std::vector<std::string>& variables);
};

}  // namespace ringattn
