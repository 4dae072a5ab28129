#include "config/json.h"
#include "program.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::run;

/// `bench --json -` of one small dense case.
Finished bench(const std::vector<std::string>& more) {
  std::vector<std::string> words{"bench",          "--json", "-",       "--set", "pattern=dense", "-a",
                                 "seq_len=4096",   "-a",     "heads=2", "-a",    "head_dim=16",   "-a",
                                 "is_causal=true", "-a",     "ranks=1"};
  words.insert(words.end(), more.begin(), more.end());
  return run(words);
}

TEST_CASE("rows of --project are priced on the network and never run") {
  const Finished finished =
      bench({"--no-time", "-a", "dtype=bf16", "--project", "ranks=64,512", "--network", "h100_ib400"});
  REQUIRE(finished.code == 0);
  const Json report = Json::parse(finished.out);
  REQUIRE(report["cases"].size() == 3);
  CHECK(report["complete"] == true);
  for (std::size_t i = 1; i < 3; ++i) {
    const Json& row = report["cases"][i];
    CHECK(row["candidate"]["mark"] == "priced");
    CHECK(row["candidate"]["ranks"].empty());
    CHECK(row["candidate"]["time_ns_priced"].get<double>() > 0.0);
    CHECK(row["candidate"]["price"]["sent_bytes_total"].get<double>() > 0.0);
    CHECK(contains(row["warnings"][0], "h100_ib400"));
    CHECK(contains(row["repro"], "--project ranks="));
  }
  // 63 latencies of 14 us and more cannot hide behind tiles of 64 rows.
  CHECK(report["cases"][1]["candidate"]["time_ns_priced"].get<double>() > 63 * 3400.0);
}

TEST_CASE("of a rank's peak and traffic, what is priced is what was measured; times are foretold beside it") {
  const Finished finished =
      bench({"--calibrate", "-a", "seq_len=256", "-a", "ranks=1,2", "--pairs", "6", "-a", "dtype=fp32"});
  REQUIRE(finished.code == 0);
  const Json report = Json::parse(finished.out);
  REQUIRE(report["predictions"].size() == 6);
  for (const Json& prediction : report["predictions"]) {
    CHECK(prediction["against"] == "measured");
    if (prediction["quantity"] != "time_ns") CHECK(prediction["relative_error"] == 0.0);
    if (prediction["quantity"] == "time_ns") CHECK(prediction["predicted"].get<double>() > 0.0);
  }
}

TEST_CASE("a projection without a network is of machines like this one") {
  const Finished finished = bench({"--no-time", "-a", "seq_len=512", "-a", "dtype=fp32", "--project", "ranks=16"});
  REQUIRE(finished.code == 0);
  const Json report = Json::parse(finished.out);
  CHECK(contains(report["cases"][1]["warnings"][0], "machines like this one"));
  CHECK(contains(finished.err, "projected on ranks that are machines like this one"));
}

TEST_CASE("--project-only runs nothing, so lengths that nobody could run here are priced") {
  const Finished finished = bench({"--project-only", "-a", "seq_len=1048576", "-a", "dtype=bf16", "--project",
                                   "ranks=1024", "--network", "h100_ib400"});
  REQUIRE(finished.code == 0);
  const Json report = Json::parse(finished.out);
  REQUIRE(report["cases"].size() == 1);
  CHECK(report["complete"] == true);
  CHECK(report["predictions"].empty());
  // 4 · 16 · 2 heads · n² / 2 operations on 1024 ranks of 600 TFLOP/s, and 1023 hops at best inside a node.
  CHECK(report["cases"][0]["candidate"]["time_ns_priced"].get<double>() > 1023 * 3400.0);
  CHECK(report["cases"][0]["candidate"]["price"]["peak_bytes_max"].get<double>() > 0.0);
}

TEST_CASE("what cannot be projected is refused before anything runs") {
  const auto refused = [](const std::vector<std::string>& words, const std::string& part) {
    const Finished finished = bench(words);
    CHECK(finished.code == 2);
    CHECK(contains(finished.err, part));
  };
  refused({"--project", "seq_len=64"}, "must be ranks=LIST");
  refused({"--project", "ranks=0"}, "ranks");
  refused({"--project", "ranks=1"}, "run as well");
  refused({"--project", "ranks=8", "--network", "h100_ib40"}, "did you mean");
  refused({"--project", "ranks=8", "--network", "h100_ib400", "-a", "dtype=fp32"}, "has no flops_per_s for fp32");
  refused({"--network", "h100_ib400"}, "--project");
  refused({"--project-only"}, "--project ranks=LIST");
}

}  // namespace
}  // namespace ringattn
