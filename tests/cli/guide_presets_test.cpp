#include "config/json.h"
#include "program.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

// The guide's presets at a length that two cores can do, with every variant.

namespace ringattn {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::Finished;
using test::run;

Finished bench(const std::string& preset, const std::string& implementation) {
  return run({"bench", "--preset", preset, "--impl", implementation, "--no-time", "--json", "-", "-a", "seq_len=8192",
              "-a", "ranks=2", "-a", "batch=1", "-a", "is_causal=true", "--set", "enable_profiling=false"});
}

}  // namespace

TEST_CASE("every preset of the guide runs with every variant") {
  for (const std::string preset : {"development", "production", "large_scale", "hilbert_optimized"}) {
    for (const std::string implementation : {"standard", "hilbert", "distributed", "block_sparse"}) {
      CAPTURE(preset);
      CAPTURE(implementation);
      const Finished finished = bench(preset, implementation);
      REQUIRE(finished.code == 0);
      const Json report = Json::parse(finished.out);
      REQUIRE(report["cases"].size() == 1);
      CHECK(report["cases"][0]["candidate"]["id"] == implementation);
    }
  }
}

TEST_CASE("a preset's fields are heard of: statistics, what was tried, and what cannot act here") {
  const Finished development = bench("development", "standard");
  CHECK(contains(development.err, "rank 1: 1 ring passes"));
  CHECK(contains(development.err, "validate_gradients=true: acts in the library's backward"));
  const Finished production = bench("production", "standard");
  CHECK(contains(production.err, "compile_mode=reduce-overhead: CUDA graphs exist on GPUs alone"));
  const Finished large_scale = bench("large_scale", "standard");
  CHECK(contains(large_scale.err, "max-autotune: sdpa, partials of 512 KiB"));
  CHECK(contains(large_scale.err, "checkpoint_frequency=100: acts in the library's modules"));
}

TEST_CASE("enable_profiling leaves a trace of every rank") {
  const fs::path here = fs::current_path();
  const fs::path folder = fs::temp_directory_path() / "ringattn_trace_test";
  fs::remove_all(folder);
  fs::create_directories(folder);
  fs::current_path(folder);
  const Finished finished =
      run({"bench", "--no-time", "-a", "seq_len=96", "-a", "heads=2", "-a", "ranks=3", "-a", "dtype=fp32", "-a",
           "is_causal=false", "--set", "enable_profiling=true", "--json", "report.json"});
  fs::current_path(here);
  REQUIRE(finished.code == 0);
  std::vector<Json> traces;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!contains(entry.path().filename().string(), "ringattn-trace-")) continue;
    std::stringstream text;
    text << std::ifstream(entry.path()).rdbuf();
    traces.push_back(Json::parse(text.str()));
  }
  REQUIRE(traces.size() == 1);
  std::vector<int> events(3, 0);
  for (const Json& event : traces[0]["traceEvents"]) {
    if (event["ph"] != "X") continue;
    ++events[event["tid"].get<std::size_t>()];
    CHECK(event["dur"].get<double>() >= 0.0);
  }
  for (const int count : events) CHECK(count >= 3);
  fs::remove_all(folder);
}

}  // namespace ringattn
