#include "program.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::run;
using test::run_program;

const char* const kOld = RINGATTN_LEGACY ? "v2" : "oracle";

const std::vector<std::string> compared{"compare",
                                        "--old",
                                        kOld,
                                        "-a",
                                        "seq_len=131",
                                        "-a",
                                        "ranks=1,2",
                                        "-a",
                                        "heads=4",
                                        "-a",
                                        "head_dim=16",
                                        "-a",
                                        "is_causal=true",
                                        "--set",
                                        "segment_lengths=[32,64]",
                                        "--set",
                                        "dilation_rates=[1,2]",
                                        "--pairs",
                                        "2",
                                        "--backward",
                                        "--deterministic-only"};

std::vector<std::string> with(std::vector<std::string> before, const std::vector<std::string>& rest) {
  before.insert(before.end(), rest.begin(), rest.end());
  return before;
}

std::string binary() {
  const char* named = std::getenv("RINGATTN_BINARY");
  return named != nullptr ? named : RINGATTN_BINARY;
}

std::string quoted(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += " '" + word + "'";
  return text;
}

TEST_CASE("two processes report what two threads report, whoever starts them") {
  const Finished threads = run(compared);
  CHECK(threads.code == 0);
  CHECK(contains(threads.out, "\"outcome\": \"match\""));
  CHECK(!contains(threads.out, "time_ns"));
  const Finished launched = run(with({"--launch", "2"}, compared));
  CHECK(launched.code == 0);
  CHECK(launched.out == threads.out);
  CHECK(contains(launched.err, "2 processes (RANK), each a rank; rows go over "));
  // A plain environment, and that of a Slurm step.
  const std::string command = binary() + quoted(compared);
  const Finished plain =
      run_program("sh", {"-c", "export WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=29617; RANK=1 " + command +
                                   " & RANK=0 " + command + "; code=$?; wait $! && exit $code"});
  CHECK(plain.code == 0);
  CHECK(plain.out == threads.out);
  const Finished step = run_program(
      "sh",
      {"-c", "export SLURM_STEP_NUM_TASKS=2 SLURM_STEP_ID=0 SLURM_STEP_NUM_NODES=1 MASTER_PORT=29618; SLURM_PROCID=1 " +
                 command + " & SLURM_PROCID=0 " + command + "; code=$?; wait $! && exit $code"});
  CHECK(step.code == 0);
  CHECK(step.out == threads.out);
}

TEST_CASE("bench on processes: the same counts, times of its own") {
  const std::vector<std::string> words{"bench",
                                       "--impl",
                                       RINGATTN_LEGACY ? "v2,standard" : "standard",
                                       "-a",
                                       "seq_len=96,200",
                                       "-a",
                                       "ranks=1,2,3",
                                       "-a",
                                       "heads=4",
                                       "-a",
                                       "head_dim=16",
                                       "--set",
                                       "segment_lengths=[32,64]",
                                       "--set",
                                       "dilation_rates=[1,2]",
                                       "--pairs",
                                       "1",
                                       "--deterministic-only"};
  const Finished threads = run(words);
  const Finished processes = run(with({"--launch=3"}, words));
  CHECK(threads.code == 0);
  CHECK(processes.code == 0);
  CHECK(processes.out == threads.out);
}

TEST_CASE("what cannot be is refused with exit code 2, once and with the numbers") {
  const Finished more = run(with({"--launch", "2"}, {"compare", "--old", kOld, "-a", "ranks=2,3"}));
  CHECK(more.code == 2);
  CHECK(contains(more.err, "ranks: 3 asked for, but this run has 2 processes"));
  CHECK(more.err.find("error:") == more.err.rfind("error:"));
  CHECK(contains(run({"--launch", "1", "compare", "--old", "v2"}).err,
                 "--launch: must be an integer between 2 and 4096"));
  const Finished verb = run({"--launch", "2", "list"});
  CHECK(verb.code == 2);
  CHECK(contains(verb.err, "--launch: list has no ranks"));
  const Finished shipped = run(with({"--launch", "2"}, {"compare", "--old", "v2", "--as-shipped"}));
  CHECK(shipped.code == 2);
  CHECK(contains(shipped.err, "--as-shipped: "));
  const Finished named = run({"--launch", "2", "bench", "-a", "ranks=2", "--set", "communication_backend=threads"});
  CHECK(named.code == 3);
  CHECK(contains(named.err, "communication_backend: threads cannot connect ranks that are processes"));
  const Finished gloo = run({"--launch", "2", "bench", "-a", "ranks=2", "--set", "communication_backend=gloo"});
  CHECK(gloo.code == 3);
  CHECK(contains(gloo.err, "communication_backend: gloo is not built in: "));
  CHECK(gloo.err.find("error:") == gloo.err.rfind("error:"));
  const Finished rehearsed = run(with({"--launch", "2"}, {"bench", "--rehearse", "0/2"}));
  CHECK(rehearsed.code == 2);
  CHECK(contains(rehearsed.err, "--rehearse: "));
  const Finished twice =
      run({"--launch", "2", "compare", "--old", "v2"}, {"RANK=0", "WORLD_SIZE=2", "MASTER_ADDR=127.0.0.1"});
  CHECK(twice.code == 2);
  CHECK(contains(twice.err, "--launch: RANK says that a launcher has started this already"));
  const Finished wrong = run({"compare", "--old", "v2"}, {"RANK=2", "WORLD_SIZE=2", "MASTER_ADDR=127.0.0.1"});
  CHECK(wrong.code == 2);
  CHECK(contains(wrong.err, "RANK: \"2\" must be an integer, at least 0 and at most 1"));
  const Finished both = run(with(compared, {"--json", "-"}));
  CHECK(both.code == 2);
  CHECK(contains(both.err, "--deterministic-only: takes stdout"));
}

/// A shell that launches three ranks on something long, and does `strike` to them once they are connected; $rank is the
/// process of rank 1, $launcher that of the launcher.
Finished struck(const std::string& strike) {
  const std::string command = binary() +
                              " --launch 3 bench -a seq_len=64 -a ranks=3 -a heads=2 -a head_dim=16 --pairs "
                              "10001 --preset quick --set pattern=dense --time-budget 50s";
  const std::string await = "n=0; until grep -q 'each a rank' $log || [ $n -gt 300 ]; do sleep 0.1; n=$((n+1)); done";
  const std::string children = "$(cat /proc/$launcher/task/$launcher/children)";
  const std::string alive = "$(grep -L '^State:.*zombie' /proc/$1/status /proc/$2/status /proc/$3/status 2>/dev/null)";
  return run_program(
      "sh", {"-c", "log=$(mktemp); " + command + " 2>$log & launcher=$!; " + await + "; sleep 0.3; set -- " + children +
                       "; rank=$2; " + strike + "; wait $launcher; code=$?; sleep 0.5; echo left: " + alive +
                       "; cat $log >&2; rm $log; exit $code"});
}

TEST_CASE("a killed rank ends the run with exit code 4 and its name, and leaves nobody behind") {
  const Finished killed = struck("kill -9 $rank");
  CHECK(killed.code == 4);
  CHECK(contains(killed.err, "error: rank 1 gone at "));
  CHECK(contains(killed.err, "was ended by signal 9"));
  CHECK(contains(killed.out, "left:\n"));
}

TEST_CASE("ranks end with their launcher, killed or asked to") {
  const Finished orphaned = struck("kill -9 $launcher");
  CHECK(orphaned.code == 137);
  CHECK(contains(orphaned.out, "left:\n"));
  const Finished asked = struck("kill -TERM $launcher");
  CHECK(asked.code == 130);
  CHECK(contains(asked.out, "left:\n"));
}

}  // namespace
}  // namespace ringattn
