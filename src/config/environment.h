#pragma once

#include "config/env.h"

#include <cstdint>
#include <string>
#include <vector>

namespace ringattn {

/// The machine and build behind a report. An allow-list: no host, user or file names, no environment variables but
/// those named here.
struct Environment {
  std::string ringattn_version;
  std::string
      git_commit;  ///< of the source the binary was built from, "-dirty" appended; empty when not built from git
  std::string build_type;  ///< Release, Debug, …
  std::string compiler;    ///< "g++ 12.2.0"
  std::string libtorch;    ///< passed in by the one who links it; empty without
  std::string cpu_model;
  int cpu_cores_usable = 0;  ///< that this process may use (its affinity mask)
  int cpu_cores_online = 0;
  std::int64_t memory_bytes = 0;            ///< of the machine
  std::int64_t memory_available_bytes = 0;  ///< now, before the first case
  std::string kernel;                       ///< "Linux 6.1.0"
  int threads_intra_op = 0;                 ///< of all ranks together; filled by the one who sets it
  std::vector<std::string> gpus;            ///< names, filled by the one who asks the driver
  int omp_num_threads = 0;                  ///< OMP_NUM_THREADS, 0 when unset
  bool operator==(const Environment&) const = default;
};

/// What the operating system and the compiler know; `libtorch` is taken as given.
Environment capture_environment(const Env& env, const std::string& libtorch_version);

/// The version of this program: "0.3.0".
std::string version();

}  // namespace ringattn
