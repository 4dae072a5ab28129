#include "tests/cli/program.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace ringattn {
namespace {

using test::contains;
using test::run;

/// Arguments of a small case.
std::vector<std::string> small(std::vector<std::string> words, const std::string& ranks = "3") {
  for (const char* word :
       {"--set", "pattern=dense", "-a", "seq_len=150", "-a", "heads=2", "-a", "head_dim=16", "-a", "is_causal=true"})
    words.emplace_back(word);
  words.insert(words.end(), {"-a", "ranks=" + ranks});
  return words;
}

TEST_CASE("compare --backward judges dq, dk and dv, and its numbers are of forward and backward") {
  for (const char* dtype : {"fp32", "bf16"}) {
    const test::Finished done = run(small({"compare", "--old", "oracle", "--new", "standard", "--backward", "--no-time",
                                           "-a", std::string("dtype=") + dtype, "--json", "-"}));
    CHECK_MESSAGE(done.code == 0, done.err);
    for (const char* tensor : {"out", "lse", "dq", "dk", "dv"})
      CHECK(contains(done.out, std::string(R"("tensor": ")") + tensor + '"'));
    CHECK(contains(done.out, R"("metered": "forward_backward")"));
    CHECK(contains(done.out, "--backward"));
  }
}

TEST_CASE("peak bytes and traffic of forward and backward are the plan's price, for groups of heads, masks and means") {
  const std::vector<std::vector<std::string>> kinds{
      {"-a", "kv_heads=1", "-a", "mask=padding"},
      {"--set",
       R"(pattern={"placement": "tiles", "heads": "all", "join": "mean", "queries": "all", "offset": "zero"})"},
      {"--set", "dropout=0.2", "--train"}};
  for (const std::vector<std::string>& kind : kinds) {
    std::vector<std::string> words =
        small({"compare", "--old", "oracle", "--new", "standard", "--backward", "--no-time"}, "1,4");
    words.insert(words.end(), kind.begin(), kind.end());
    const test::Finished done = run(words);
    CHECK_MESSAGE(done.code == 0, done.out);
    CHECK(contains(done.out, "backward"));      // in the header
    CHECK_FALSE(contains(done.out, "priced"));  // said where the two differ
  }
}

TEST_CASE("compare --backward --bisect looks into the backward pass of what fails, in the failure and in the report") {
  // Right in every tier, so that only a tolerance of the user's can fail it.
  const std::vector<std::string> words = small({"compare", "--old", "oracle", "--new", "standard", "--backward",
                                                "--bisect", "--no-time", "--rtol", "1e-12", "--atol", "1e-12"});
  std::vector<std::string> with_report = words;
  with_report.insert(with_report.end(), {"--json", "-"});
  for (const test::Finished& done : {run(words), run(with_report)}) {
    CHECK_MESSAGE(done.code == 1, done.err);
    CHECK(contains(done.out, "bisection: each rank's forward is right after each hop"));
    CHECK(contains(done.out, "bisection: each rank's backward is right after each hop"));
    CHECK(contains(done.out, "--backward"));
  }
}

TEST_CASE("bench --backward measures both as one, and times them") {
  const test::Finished done =
      run(small({"bench", "--impl", "standard", "--backward", "--pairs", "2", "--json", "-"}, "1,2"));
  CHECK_MESSAGE(done.code == 0, done.err);
  CHECK(contains(done.out, R"("metered": "forward_backward")"));
  CHECK(contains(done.out, "ringattn bench --impl standard --backward"));
  CHECK(contains(done.out, R"("time_ns_median": {)"));
}

TEST_CASE("a rehearsed backward is judged: dq, and what the rank's queries contribute to its own keys") {
  for (const char* ranks : {"3/5", "all/4"}) {
    const test::Finished done =
        run({"bench", "--rehearse", ranks, "--backward", "-a", "seq_len=60", "-a", "heads=2", "-a", "head_dim=16", "-a",
             "dtype=fp32", "--set", "pattern=dense", "-a", "is_causal=true", "--no-time", "--json", "-"});
    CHECK_MESSAGE(done.code == 0, done.err);
    CHECK(contains(done.out, R"("mark": "rehearsed")"));
    CHECK(contains(done.out, R"("tensor": "dk")"));
    CHECK(contains(done.out, R"("passed": true)"));
    CHECK_FALSE(contains(done.out, R"("passed": false)"));
  }
}

TEST_CASE("gate --backward has entries of its own") {
  const std::string baselines = std::string(RINGATTN_SOURCE_DIR) + "/results/baselines";
  const test::Finished done = run({"gate", "--backward", "--no-time", "--baseline", baselines, "-a", "seq_len=97", "-a",
                                   "dtype=fp32", "--json", "-"});
  CHECK_MESSAGE(done.code == 0, done.err);
  CHECK(contains(done.out, R"("metered": "forward_backward")"));
}

TEST_CASE("what --backward cannot be given with is refused") {
  const auto refused = [](const std::vector<std::string>& words, const std::string& text) {
    const test::Finished done = run(words);
    CHECK(done.code == 2);
    CHECK_MESSAGE(contains(done.err, text), done.err);
  };
  refused({"compare", "--old", "oracle", "--backward", "--projection", "random"},
          "--backward: takes no gradients through projections; leave --projection out");
  refused({"compare", "--old", "oracle", "--backward", "--with-projection"},
          "--backward: takes no gradients through projections; leave --with-projection out");
  refused({"bench", "--backward", "--calibrate"}, "--backward: forward alone is foretold");
  refused({"gate", "--backward"}, "--backward: times are gated of forward alone; give --no-time too");
}

}  // namespace
}  // namespace ringattn
