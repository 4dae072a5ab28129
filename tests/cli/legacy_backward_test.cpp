#include "config/json.h"
#include "tests/cli/program.h"

#include <doctest/doctest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::run;

Json compared(const std::string& old, const std::vector<std::string>& more = {}) {
  std::vector<std::string> words{
      "compare",   "--old",   old,  "--backward", "-a",    "ranks=1,2,3,4",           "-a",    "seq_len=48",
      "-a",        "heads=2", "-a", "head_dim=8", "--set", "segment_lengths=[16,32]", "--set", "dilation_rates=[1,2]",
      "--no-time", "--json",  "-"};
  words.insert(words.end(), more.begin(), more.end());
  const Finished finished = run(words);
  INFO(finished.err);
  REQUIRE((finished.code == 0 || finished.code == 1));
  return Json::parse(finished.out);
}

/// Outcome by case, k → its words.
std::map<std::int64_t, std::string> said(const Json& report) {
  std::map<std::int64_t, std::string> by_ranks;
  for (const Json& record : report.at("cases"))
    by_ranks[record.at("axes").at("ranks").get<std::int64_t>()] =
        record.at("outcome").get<std::string>() + ": " + record.at("words").get<std::string>();
  return by_ranks;
}

TEST_CASE("what an old implementation was meant to compute has the derivatives of the new one, in every dtype") {
  for (const char* old : {"v2", "correct", "production"}) {
    INFO(std::string(old));
    const Json report = compared(old, {"-a", "dtype=fp32,bf16"});
    for (const Json& record : report.at("cases")) CHECK(record.at("outcome") == "match");
    CHECK(report.at("cases").size() == 16);
  }
}

TEST_CASE("wrong gradients of a class whose result is right are a defect by name") {
  const std::vector<std::string> shipped{"--as-shipped", "-a", "dtype=fp32", "-a", "is_causal=false"};
  for (const char* old : {"v2_simple", "v2_robust"}) {
    INFO(std::string(old));
    for (const auto& of_ranks : said(compared(old, shipped)))
      CHECK_MESSAGE(contains(of_ranks.second, of_ranks.first == 1 ? "match" : "old_defective: "), of_ranks.second);
    CHECK(contains(said(compared(old, shipped)).at(3), "gradients own_part"));
  }
  for (const auto& of_ranks : said(compared("production", shipped)))
    CHECK_MESSAGE(contains(of_ranks.second, "gradients repeated"), of_ranks.second);
}

TEST_CASE("released classes with --backward: every difference has a name") {
  for (const char* old : {"v2", "v2_collective", "v2_corrected", "production_fixed", "simple_triton", "hybrid", "v1"}) {
    INFO(std::string(old));
    for (const Json& record : compared(old, {"--as-shipped", "-a", "dtype=fp32"}).at("cases")) {
      const std::string outcome = record.at("outcome");
      CHECK_MESSAGE(outcome != "unexplained", record.at("words").get<std::string>());
      CHECK(outcome != "new_wrong");
    }
  }
}

TEST_CASE("a class with projections of its own has no gradients after query, key and value") {
  const Finished finished = run({"compare", "--old", "sdpa", "--as-shipped", "--backward"});
  CHECK(finished.code == 2);
  CHECK(contains(finished.err, "--backward: sdpa as released projects x itself"));
}

}  // namespace
}  // namespace ringattn
