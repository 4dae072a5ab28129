#include "tests/cli/program.h"

#include <doctest/doctest.h>

#include <string>

namespace ringattn {
namespace {

using test::contains;
using test::run;

TEST_CASE("bench --rehearse runs one rank of many, judges it and says so") {
  const test::Finished done = run({"bench", "--rehearse", "3/8", "-a", "seq_len=200", "--set", "pattern=dense",
                                   "--pairs", "3", "--link", "25,5", "--json", "-"});
  CHECK(done.code == 0);
  CHECK(contains(done.out, "\"mark\": \"rehearsed\""));
  CHECK(contains(done.out, "\"rehearse\": \"3/8 link given 25,5 contention 1\""));
  CHECK(contains(done.out, "\"passed\": true"));
  CHECK(contains(done.out, "--rehearse 3/8 --link 25,5"));
}

TEST_CASE("what cannot be rehearsed is refused with the flag, the value and what would be right") {
  const auto refused = [](std::vector<std::string> words, const std::string& text) {
    words.insert(words.begin(), "bench");
    const test::Finished done = run(words);
    CHECK(done.code == 2);
    CHECK_MESSAGE(contains(done.err, text), done.err);
  };
  refused({"--rehearse", "8"}, "--rehearse: must be RANK/K or all/K, such as 17/64 (got \"8\")");
  refused({"--rehearse", "8/8"}, "--rehearse: RANK: must be an integer between 0 and 7 (got \"8\")");
  refused({"--rehearse", "1/0"}, "--rehearse: K:");
  refused({"--rehearse", "1/2", "--link", "nowhere"}, "--link: unknown link \"nowhere\"");
  refused({"--rehearse", "1/2", "--contention", "0.5"}, "--contention: must be at least 1");
  refused({"--link", "25,5"}, "--link: is of a rehearsal");
  refused({"--rehearse", "1/2", "-a", "ranks=4"}, "leave the axis out");
}

}  // namespace
}  // namespace ringattn
