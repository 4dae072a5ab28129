#include "config/json.h"
#include "program.h"

#include <doctest/doctest.h>

#include <string>

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::run;

Json explained(const std::string& name) {
  const Finished f = run({"explain", name, "--json", "-"});
  CHECK(f.code == 0);
  return Json::parse(f.out);
}

}  // namespace

TEST_CASE("explain tells function, defects by world size, guide target, preserving configuration and evidence") {
  const Finished f = run({"explain", "V2"});
  CHECK(f.code == 0);
  for (const char* words :
       {"v2 (RingDilatedAttentionV2)", "ec2a06c", "dilated_keys",
        "1 process, causal: the causal triangle runs over key", "2 ranks or more, causal or not: raises AttributeError",
        "StandardRingAttention", "\"pattern\": \"dilated_keys\"", "RingAttentionConfig(",
        "ringattn replay tests/golden/legacy --filter 'v2/*'"}) {
    CAPTURE(words);
    CHECK(contains(f.out, words));
  }
}

TEST_CASE("explain in JSON has a configuration that compare accepts, with axes where no name fits") {
  const Json hybrid = explained("hybrid");
  CHECK(hybrid["preserving"]["config"]["pattern"]["join"] == "single");
  CHECK(hybrid["preserving"]["config"]["segment_lengths"] == Json({2048, 4096}));
  CHECK(hybrid["recordings"]["cases"] == 58);
  const Finished f = run({"compare", "--old", "hybrid", "--no-time", "-a", "seq_len=64", "-a", "ranks=2", "-a",
                          "dtype=fp32", "--new-config",
                          R"({"segment_lengths": [16, 32], "dilation_rates": [1, 2], "pattern": )" +
                              hybrid["preserving"]["config"]["pattern"].dump() + "}",
                          "--set", "segment_lengths=[16,32]"});
  CHECK(f.code == 0);
}

TEST_CASE("explain says why nothing preserves an entry") {
  const Finished f = run({"explain", "RingDilatedAttentionRefactored"});
  CHECK(f.code == 0);
  CHECK(contains(f.out, "no configuration of the new API computes it: it never returned a value"));
  CHECK(explained("refactored")["preserving"].is_null());
}

TEST_CASE("explain says what autograd made of the released class, by world size") {
  const Finished f = run({"explain", "v2_simple"});
  CHECK(contains(f.out, "in one process exact"));
  CHECK(contains(f.out, "on several ranks own_part: received keys and values are constants"));
  const Json collective = explained("v2_collective")["gradients"];
  CHECK(collective["departures"][0]["fate"] == "raises");
  CHECK(collective["departures"][0]["ranks"] == "2 ranks or more");
  CHECK(
      contains(explained("v2")["gradients"]["words"].get<std::string>(), "on several ranks no_value: forward raises"));
}

TEST_CASE("a glob lists a family, and an unknown name gets the nearest one") {
  const Finished f = run({"explain", "v2*"});
  CHECK(f.code == 0);
  for (const char* name : {"v2_robust", "v2_collective", "RingAttentionV2Simple"}) CHECK(contains(f.out, name));
  CHECK_FALSE(contains(f.out, "hybrid_opt"));
  CHECK(explained("v2*").size() == 10);
  const Finished unknown = run({"explain", "hilbert_cor"});
  CHECK(unknown.code == 2);
  CHECK(contains(unknown.err, "did you mean \"hilbert_core\"?"));
}

TEST_CASE("compare with a family prints the migration table: every entry of v2 matches what preserves it") {
  const Finished f = run({"compare", "--old", "v2*", "--new", "auto", "-a", "seq_len=96", "-a", "ranks=1,2", "-a",
                          "dtype=fp32", "--set", "segment_lengths=[32,64]", "--json", "-"});
  CHECK(f.code == 0);
  const Json table = Json::parse(f.out);
  REQUIRE(table["entries"].size() == 10);
  for (const Json& row : table["entries"]) {
    CAPTURE(row["name"].get<std::string>());
    CHECK(row["outcomes"] == Json({{"match", 4}}));
    CHECK(row["reason"] == "");
  }
}

TEST_CASE("an entry that cannot be run is a row with the reason") {
  const Finished f = run({"compare", "--old", "refactore*", "-a", "seq_len=64", "-a", "ranks=1"});
  CHECK(f.code == 0);
  CHECK(contains(f.out, "no function"));
  CHECK(contains(f.out, "refactored: it never returned a value"));
}

}  // namespace ringattn
