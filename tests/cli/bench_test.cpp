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

/// `bench --json -` of one small case, without times.
Finished bench(const std::vector<std::string>& more) {
  std::vector<std::string> words{"bench", "--json",
                                 "-",     "--no-time",
                                 "-a",    "seq_len=96",
                                 "-a",    "heads=2",
                                 "-a",    "head_dim=8",
                                 "-a",    "dtype=fp32",
                                 "-a",    "is_causal=false",
                                 "-a",    "ranks=2",
                                 "--set", "segment_lengths=[24,96]",
                                 "--set", "dilation_rates=[1,2]"};
  words.insert(words.end(), more.begin(), more.end());
  return run(words);
}

/// The warnings that two implementations compute different functions.
std::vector<std::string> function_warnings(const Finished& finished) {
  REQUIRE(finished.code == 0);
  std::vector<std::string> found;
  const Json report = Json::parse(finished.out);
  for (const std::string warning : report["warnings"])
    if (contains(warning, "two different functions")) found.push_back(warning);
  return found;
}

TEST_CASE("one implementation, or the same function twice, needs no warning") {
  CHECK(function_warnings(bench({})).empty());
  CHECK(function_warnings(bench({"--impl", "standard"})).empty());
  CHECK(function_warnings(bench({"--impl", "auto,standard"})).empty());
}

TEST_CASE("a name with a pattern of its own is timed beside the others, and the functions are told apart") {
  const Finished finished = bench({"--impl", "standard@dense,standard@dilated_keys"});
  CHECK(function_warnings(finished).size() == 1);
  const Json record = Json::parse(finished.out)["cases"][0];
  CHECK(record["legacy"]["id"] == "standard@dense");
  CHECK(record["candidate"]["id"] == "standard@dilated_keys");
  CHECK(record["legacy"]["price"]["flops_total"].get<double>() >
        record["candidate"]["price"]["flops_total"].get<double>());
  CHECK(bench({"--impl", "standard@densee"}).code == 2);
}

TEST_CASE("what follows from the times is in the report") {
  const Finished finished = run({"bench", "--json", "-", "--pairs", "6", "-a", "seq_len=64", "-a", "heads=2", "-a",
                                 "dtype=fp32", "-a", "is_causal=true", "-a", "ranks=1,2"});
  REQUIRE(finished.code == 0);
  const Json two = Json::parse(finished.out)["cases"][1]["candidate"];
  const double time_ns = two["time_ns_median"]["median"];
  CHECK(two["rates"]["tokens_per_s"].get<double>() == doctest::Approx(64e9 / time_ns));
  CHECK(two["rates"]["flops_per_s"].get<double>() ==
        doctest::Approx(1e9 * two["price"]["flops_total"].get<double>() / time_ns));
  CHECK(two["rates"]["retention"].get<double>() ==
        doctest::Approx(1.0 / two["time_over_one_rank"]["median"].get<double>()));
}

TEST_CASE("lengths that fit are measured and those that cannot be run in the budget priced, and the report says why") {
  const Finished finished = run({"bench",
                                 "--json",
                                 "-",
                                 "--no-time",
                                 "--time-budget",
                                 "10m",
                                 "--set",
                                 "pattern=dense",
                                 "-a",
                                 "seq_len=64,4194304",
                                 "-a",
                                 "heads=2",
                                 "-a",
                                 "head_dim=8",
                                 "-a",
                                 "dtype=fp32",
                                 "-a",
                                 "is_causal=false",
                                 "-a",
                                 "ranks=2"});
  REQUIRE(finished.code == 0);
  const Json report = Json::parse(finished.out);
  REQUIRE(report["cases"].size() == 2);
  CHECK(report["cases"][0]["candidate"]["mark"] == "measured");
  CHECK(report["cases"][1]["candidate"]["mark"] == "priced");
  CHECK(report["cases"][1]["candidate"]["time_ns_priced"].get<double>() > 1e9);
  REQUIRE(report["planned"].size() == 2);
  CHECK(report["planned"][1]["mark"] == "priced");
  CHECK(contains(report["planned"][1]["why"], "of --time-budget are left for it; "));
  CHECK(report["complete"] == true);
  CHECK(report["skipped"].empty());
}

#if RINGATTN_LEGACY

TEST_CASE("v2 beside the preset's own pattern: the report and stderr name both functions and the remedy") {
  const Finished finished = bench({"--impl", "v2,standard"});
  const std::string warning =
      "v2 computes dilated_keys, standard computes dilated: counts of two different functions; --set "
      "pattern=dilated_keys makes them equal";
  CHECK(function_warnings(finished) == std::vector<std::string>{warning});
  CHECK(contains(finished.err, warning));
  CHECK(!contains(bench({"--impl", "v2,standard", "--quiet"}).err, warning));
}

TEST_CASE("the warning speaks of times where times are taken, in the order of the names") {
  const std::vector<std::string> found =
      function_warnings(run({"bench", "--json", "-", "--impl", "standard,v2", "--pairs", "6", "-a", "seq_len=64", "-a",
                             "heads=2", "-a", "dtype=fp32", "-a", "ranks=1"}));
  REQUIRE(found.size() == 1);
  CHECK(contains(found[0], "standard computes dilated, v2 computes dilated_keys: times of two different functions;"));
}

TEST_CASE("the setting that the warning names silences it") {
  const Finished finished = bench({"--impl", "v2,standard", "--set", "pattern=dilated_keys"});
  CHECK(function_warnings(finished).empty());
  CHECK(!contains(finished.err, "different functions"));
}

TEST_CASE("functions are compared, not their names: with rate 1 alone, dilated is dilated_keys") {
  CHECK(function_warnings(
            bench({"--impl", "v2,standard", "--set", "segment_lengths=[24]", "--set", "dilation_rates=[1]"}))
            .empty());
}

#endif

}  // namespace
}  // namespace ringattn
