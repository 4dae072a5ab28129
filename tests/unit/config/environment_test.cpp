#include "config/environment.h"

#include "support.h"

#include <doctest/doctest.h>

#include <unistd.h>

namespace ringattn {
namespace {

TEST_CASE("the environment of a report names machine and build, and not the host") {
  const Environment e = capture_environment(Env::from({"OMP_NUM_THREADS=3"}), "2.11.0");
  CHECK(e.libtorch == "2.11.0");
  CHECK(e.omp_num_threads == 3);
  CHECK(e.cpu_cores_usable >= 1);
  CHECK(e.cpu_cores_usable <= e.cpu_cores_online);
  CHECK(e.memory_bytes > 0);
  CHECK(e.memory_available_bytes > 0);
  CHECK(e.memory_available_bytes <= e.memory_bytes);
  CHECK(test::contains(e.kernel, "Linux"));
  CHECK(!e.compiler.empty());
  CHECK(e.ringattn_version == version());
  char host[256] = {};
  REQUIRE(gethostname(host, sizeof(host) - 1) == 0);
  if (std::string(host).size() > 4) CHECK(!test::contains(e.kernel + e.cpu_model + e.compiler, host));
}

}  // namespace
}  // namespace ringattn
