#include "config/environment.h"

#include <fstream>
#include <sched.h>
#include <sstream>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef RINGATTN_VERSION
#define RINGATTN_VERSION "0.3.0"
#endif
#ifndef RINGATTN_GIT_COMMIT
#define RINGATTN_GIT_COMMIT ""
#endif
#ifndef RINGATTN_BUILD_TYPE
#define RINGATTN_BUILD_TYPE ""
#endif

namespace ringattn {
namespace {

/// The value after "key<space>:" in a file of such lines, or "".
std::string line_value(const std::string& path, const std::string& key) {
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (!line.starts_with(key)) continue;
    const std::size_t colon = line.find(':');
    const std::size_t first = colon == std::string::npos ? colon : line.find_first_not_of(" \t", colon + 1);
    if (first != std::string::npos) return line.substr(first);
  }
  return "";
}

std::int64_t memory_bytes(const std::string& key) {
  std::int64_t kibibytes = 0;
  std::istringstream(line_value("/proc/meminfo", key)) >> kibibytes;
  return kibibytes * 1024;
}

int usable_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 0;
  return CPU_COUNT(&set);
}

std::string compiler() {
#if defined(__clang__)
  return "clang " __clang_version__;
#elif defined(__GNUC__)
  return "g++ " + std::to_string(__GNUC__) + "." + std::to_string(__GNUC_MINOR__) + "." +
         std::to_string(__GNUC_PATCHLEVEL__);
#else
  return "unknown";
#endif
}

/// Name and release of the kernel; not its node name.
std::string kernel() {
  utsname name{};
  if (uname(&name) != 0) return "";
  return std::string(name.sysname) + " " + name.release + " " + name.machine;
}

}  // namespace

std::string version() { return RINGATTN_VERSION; }

Environment capture_environment(const Env& env, const std::string& libtorch_version) {
  Environment e;
  e.ringattn_version = version();
  e.git_commit = RINGATTN_GIT_COMMIT;
  e.build_type = RINGATTN_BUILD_TYPE;
  e.compiler = compiler();
  e.libtorch = libtorch_version;
  e.cpu_model = line_value("/proc/cpuinfo", "model name");
  e.cpu_cores_usable = usable_cores();
  e.cpu_cores_online = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  e.memory_bytes = memory_bytes("MemTotal");
  e.memory_available_bytes = memory_bytes("MemAvailable");
  e.kernel = kernel();
  e.omp_num_threads = env.omp_num_threads.value_or(0);
  return e;
}

}  // namespace ringattn
