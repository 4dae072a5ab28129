#include "config/json.h"
#include "program.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::run;

const std::vector<std::string> kSmall{"-a",       "seq_len=48",
                                      "-a",       "heads=2",
                                      "-a",       "head_dim=8",
                                      "-a",       "dtype=fp32",
                                      "--set",    "segment_lengths=[16,32]",
                                      "--set",    "dilation_rates=[1,2]",
                                      "--no-time"};

Finished compare(const std::string& old, std::vector<std::string> more) {
  std::vector<std::string> words{"compare", "--old", old};
  words.insert(words.end(), kSmall.begin(), kSmall.end());
  words.insert(words.end(), more.begin(), more.end());
  return run(words);
}

Json report_of(const Finished& finished) {
  INFO(finished.err);
  REQUIRE((finished.code == 0 || finished.code == 1));
  return Json::parse(finished.out);
}

/// What the recordings of the repository give; the tests run beside it.
const std::string kRecordings = RINGATTN_SOURCE_DIR "/tests/golden/legacy/golden.safetensors";

std::set<std::string> outcomes(const Json& report) {
  std::set<std::string> words;
  for (const Json& record : report.at("cases")) words.insert(record.at("outcome").get<std::string>());
  return words;
}

}  // namespace

TEST_CASE("old and new agree through the same projections, at every number of ranks and in every dtype") {
  for (const std::string old : {"correct", "v2", "memory_efficient"}) {
    const Json report = report_of(
        compare(old, {"--projection", "random", "-a", "ranks=1,2,3,4", "-a", "dtype=fp32,bf16", "--json", "-"}));
    INFO(old);
    CHECK(outcomes(report) == std::set<std::string>{"match"});
    CHECK(report.at("cases").size() == 16);
    CHECK(report.at("resolved").at("projection") == "random");
  }
}

TEST_CASE("a class that takes x runs as it was released, through identity projections unless others are asked for") {
  const Json identity = report_of(compare("correct", {"--as-shipped", "-a", "ranks=1", "--json", "-"}));
  CHECK(identity.at("resolved").at("projection") == "identity");
  CHECK(identity.at("cases").at(0).at("outcome") == "match");
  CHECK(identity.at("cases").at(0).at("legacy").at("metered") == "module");
  CHECK(identity.at("cases").at(0).at("candidate").at("metered") == "attention");
  CHECK(contains(identity.at("warnings").dump(), "both sides go through identity projections"));

  const Json random = report_of(compare(
      "correct", {"--as-shipped", "-a", "ranks=1", "-a", "is_causal=false", "--projection", "random", "--json", "-"}));
  CHECK(random.at("cases").at(0).at("outcome") == "match");

  const Finished none = compare("correct", {"--as-shipped", "--projection", "none"});
  CHECK(none.code == 3);
  CHECK(contains(none.err, "RingDilatedAttentionCorrect (correct) has projections of its own"));
  CHECK(contains(none.err, "--projection identity, random or FILE.safetensors"));
}

TEST_CASE("projections leave what the attention costs as it is") {
  const auto costs = [](const std::string& projection) {
    Json list = Json::array();
    const Json report = report_of(compare("v2", {"--projection", projection, "-a", "ranks=1,2,3", "--json", "-"}));
    for (const Json& record : report.at("cases"))
      for (const char* side : {"legacy", "candidate"}) list.push_back(record.at(side).at("ranks"));
    return list;
  };
  const Json plain = costs("none");
  CHECK(costs("identity") == plain);
  CHECK(costs("random") == plain);
}

TEST_CASE("weights and x of a recording are what both sides get") {
  const std::vector<std::string> recorded{
      "--inputs", kRecordings + "#xa", "--projection", kRecordings + "#xa", "--as-shipped",
      "-a",       "ranks=1",           "-a",           "is_causal=false",   "--json",
      "-"};
  std::vector<std::string> words{"compare",
                                 "--old",
                                 "correct",
                                 "-a",
                                 "heads=3",
                                 "-a",
                                 "head_dim=4",
                                 "-a",
                                 "dtype=fp32",
                                 "--set",
                                 "segment_lengths=[8,16]",
                                 "--set",
                                 "dilation_rates=[1,2]",
                                 "--no-time"};
  words.insert(words.end(), recorded.begin(), recorded.end());
  const Json report = report_of(run(words));
  CHECK(outcomes(report) == std::set<std::string>{"match"});
  CHECK(report.at("cases").at(0).at("axes").at("seq_len") == 24);
  CHECK(report.at("cases").at(0).at("axes").at("batch") == 2);
  CHECK(report.at("resolved").at("projection") == kRecordings + "#xa");
}

TEST_CASE("weights that do not fit are refused with tensor, shape and what would be right") {
  const Finished shape = compare("correct", {"--projection", kRecordings + "#xa"});
  CHECK(shape.code == 2);
  CHECK(contains(shape.err, "tensor 'inputs/xa/out_proj.weight' has shape (12, 12), must be (16, 16)"));
  const Finished absent = compare("correct", {"--projection", kRecordings + "#nowhere"});
  CHECK(absent.code == 2);
  CHECK(contains(absent.err, "inputs/nowhere/out_proj.weight"));
  const Finished word = compare("correct", {"--projection", "indentity"});
  CHECK(word.code == 2);
  CHECK(contains(word.err, "did you mean \"identity\""));
}

TEST_CASE("no released class is refused for taking x") {
  const Finished finished = compare("all", {"--as-shipped", "-a", "ranks=1,2", "--json", "-", "-q"});
  REQUIRE((finished.code == 0 || finished.code == 1));
  for (const Json& entry : Json::parse(finished.out).at("entries")) {
    const std::string reason = entry.at("reason");
    INFO(entry.at("name").get<std::string>(), ": ", reason);
    CHECK((reason.empty() || contains(reason, "has no intended function")));
  }
}

TEST_CASE("the guide's classes resolve by every name and run, or say what there is instead") {
  for (const std::string name :
       {"MemoryEfficient", "SDPA", "Correct", "HilbertOptimizedFixed", "V3", "RingDilatedAttentionCorrect"}) {
    const Json report = report_of(compare(name, {"-a", "ranks=1,2", "--json", "-"}));
    INFO(name);
    CHECK(outcomes(report) == std::set<std::string>{"match"});
  }
  for (const std::string name : {"V2*", "Fixed*"}) {
    const Finished finished = compare(name, {"-a", "ranks=2", "--json", "-", "-q"});
    INFO(name, ": ", finished.err);
    REQUIRE(finished.code == 0);
    CHECK(Json::parse(finished.out).at("entries").size() >= 3);
  }
  const Finished core = compare("HilbertCoreFixed", {});
  CHECK(core.code == 3);
  CHECK(contains(core.err, "no function of q, k, v"));
}

}  // namespace ringattn
