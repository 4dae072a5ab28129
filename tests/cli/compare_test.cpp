#include "config/json.h"
#include "program.h"
#include "tests/support/folder.h"

#include <doctest/doctest.h>

#include <csignal>
#include <filesystem>
#include <sstream>
#include <sys/wait.h>
#include <unistd.h>

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::Folder;
using test::run;

std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

const std::vector<std::string> kSmall{"-a",       "seq_len=96",
                                      "-a",       "heads=3",
                                      "-a",       "head_dim=8",
                                      "-a",       "ranks=1,2,3",
                                      "--set",    "segment_lengths=[24,96]",
                                      "--set",    "dilation_rates=[1,2]",
                                      "--no-time"};

Json report_of(const Finished& finished) { return Json::parse(finished.out); }

std::vector<std::string> outcomes(const Json& report) {
  std::vector<std::string> words;
  for (const Json& c : report["cases"]) words.push_back(c["outcome"]);
  return words;
}

bool all_are(const std::vector<std::string>& words, const std::string& word) {
  return !words.empty() && std::all_of(words.begin(), words.end(), [&](const std::string& w) { return w == word; });
}

}  // namespace

TEST_CASE("standard does not need legacy to be judged: --old oracle") {
  const Finished finished = run(with({"compare", "--old", "oracle", "--new", "standard", "--json", "-"}, kSmall));
  CHECK(finished.code == 0);
  CHECK(all_are(outcomes(report_of(finished)), "match"));
  CHECK(report_of(finished)["cases"].size() == 12);  // 2 dtypes x 2 masks x 3 rank counts
}

TEST_CASE("sizes of an inputs file that the command line contradicts are refused") {
  const std::string file = std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/real-text/layer0.safetensors";
  const Finished finished =
      run({"compare", "--old", "oracle", "--new", "standard", "--inputs", file, "-a", "seq_len=64"});
  CHECK(finished.code == 2);
  CHECK(contains(finished.err, "seq_len"));
  CHECK(contains(finished.err, "512"));
}

TEST_CASE("an inputs file that is none is named with the reason") {
  const Folder folder;
  const std::string file = folder.write("broken.safetensors", "not a tensor file");
  const Finished finished = run({"compare", "--old", "oracle", "--new", "standard", "--inputs", file});
  CHECK(finished.code == 2);
  CHECK(contains(finished.err, "broken.safetensors"));
  CHECK(run({"compare", "--old", "oracle", "--new", "standard", "--inputs", folder / "missing.safetensors"}).code == 2);
}

TEST_CASE("what is named explicitly and cannot run exits 3") {
  const std::vector<std::string> compare = with({"compare", "--old", "oracle", "--new", "standard"}, kSmall);
  CHECK(run(with(compare, {"--set", "communication_backend=nccl"})).code == 3);
  CHECK(run(with(compare, {"--set", "backend=fused"})).code == 3);
  CHECK(run(with(compare, {"--set", "device=cuda"})).code == 3);
}

TEST_CASE("every variant of the new API is compared by its name") {
  for (const char* name : {"auto", "standard", "hilbert", "distributed", "block_sparse"}) {
    CAPTURE(name);
    const Finished finished = run({"compare", "--old", "oracle", "--new", name, "-a", "seq_len=256", "-a", "ranks=1,2",
                                   "--no-time", "--json", "-"});
    CHECK(finished.code == 0);
    const Json report = Json::parse(finished.out);
    CHECK(report["resolved"]["candidate"] == (std::string(name) == "auto" ? "standard" : name));
    CHECK(report["resolved"]["config"]["use_hilbert"] == (std::string(name) == "hilbert"));
    const bool has_blocks = contains(report["resolved"]["config"]["pattern"].dump(), "block_sparse");
    CHECK(has_blocks == (std::string(name) == "block_sparse"));
  }
}

TEST_CASE("the report file is valid, and an unwritable one is found before anything runs") {
  const Folder folder;
  const std::string file = folder / "report.json";
  CHECK(run(with({"compare", "--old", "oracle", "--new", "standard", "--json", file}, kSmall)).code == 0);
  const Json report = Json::parse(test::read_file(file));
  CHECK(report["complete"] == true);
  CHECK(report["summary"]["outcomes"]["match"] == 12);
  const Finished refused =
      run(with({"compare", "--old", "oracle", "--new", "standard", "--json", folder / "missing/report.json"}, kSmall));
  CHECK(refused.code == 4);
  CHECK(contains(refused.err, "missing/report.json"));
}

TEST_CASE("peak bytes and traffic of the new one equal their price in every case") {
  const Json report = report_of(
      run(with({"compare", "--old", "oracle", "--new", "standard", "--json", "-", "--set", "pattern=dense"}, kSmall)));
  for (const Json& c : report["cases"]) {
    std::int64_t peak = 0, sent = 0, messages = 0;
    for (const Json& rank : c["candidate"]["ranks"]) {
      peak = std::max(peak, rank["peak_bytes"].get<std::int64_t>());
      sent += rank["sent_bytes"].get<std::int64_t>();
      messages += rank["messages"].get<std::int64_t>();
    }
    CHECK(c["candidate"]["price"]["peak_bytes_max"] == peak);
    CHECK(c["candidate"]["price"]["sent_bytes_total"] == sent);
    CHECK(c["candidate"]["price"]["messages_total"] == messages);
  }
}

TEST_CASE("Ctrl-C leaves a valid report that --resume finishes") {
  const Folder folder;
  const std::string file = folder / "report.json";
  const std::vector<std::string> compare =
      with({"compare", "--old", "oracle", "--new", "standard", "--json", file, "-a", "seq_len=[200:1400:50]", "-a",
            "heads=3", "-a", "head_dim=8", "-a", "ranks=1,2", "--no-time"},
           {});
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::vector<char*> argv{const_cast<char*>(RINGATTN_BINARY)};
    for (const std::string& argument : compare) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    freopen("/dev/null", "w", stdout);
    freopen("/dev/null", "w", stderr);
    execv(RINGATTN_BINARY, argv.data());
    _exit(127);
  }
  // Once a first case is saved, the run is stopped.
  for (int i = 0; i < 600 && !std::filesystem::exists(file); ++i) usleep(50'000);
  REQUIRE(std::filesystem::exists(file));
  kill(child, SIGINT);
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 130);
  const Json partial = Json::parse(test::read_file(file));
  CHECK(partial["interrupted"] == true);
  CHECK(partial["complete"] == false);
  const std::size_t kept = partial["cases"].size();
  CHECK(kept >= 1);
  CHECK(kept < 200);
  const Finished other = run(with(compare, {"--resume", file, "--seed", "7"}));
  CHECK(other.code == 2);
  CHECK(contains(other.err, "seed"));
  CHECK(run(with(compare, {"--resume", file})).code == 0);
  const Json whole = Json::parse(test::read_file(file));
  CHECK(whole["complete"] == true);
  CHECK(whole["cases"].size() == 200);
  for (std::size_t i = 0; i < kept; ++i) CHECK(whole["cases"][i] == partial["cases"][i]);
}

TEST_CASE("a time budget that is too short for all of it prices the rest, and says why") {
  const Json report = report_of(run({"bench", "--json", "-", "--time-budget", "1s", "-a", "seq_len=[512:4096:128]",
                                     "-a", "dtype=fp32", "-a", "is_causal=false", "-a", "ranks=1", "--pairs", "11"}));
  REQUIRE(report["cases"].size() == 29);
  CHECK(report["skipped"].empty());
  CHECK(report["cases"].back()["candidate"]["mark"] == "priced");
  REQUIRE(report["planned"].size() == 29);
  CHECK(contains(report["planned"].back()["why"], "--time-budget"));
}

TEST_CASE("nothing that would outlast a short time budget is begun") {
  const Json report =
      report_of(run({"bench", "--json",          "-",  "--time-budget", "2s", "--no-time",  "--set", "pattern=dense",
                     "-a",    "seq_len=1048576", "-a", "heads=2",       "-a", "head_dim=8", "-a",    "dtype=fp32",
                     "-a",    "is_causal=false", "-a", "ranks=1"}));
  REQUIRE(report["cases"].size() == 1);
  CHECK(report["cases"][0]["candidate"]["mark"] == "priced");
}

TEST_CASE("bench: bytes and messages equal the price, and ratios refer to the first implementation") {
  const Finished finished =
      run({"bench", "--json", "-", "-a", "seq_len=128", "-a", "dtype=fp32", "-a", "ranks=1,2", "--pairs", "6"});
  CHECK(finished.code == 0);
  const Json report = report_of(finished);
  CHECK(report["cases"].size() == 4);
  for (const Json& c : report["cases"]) {
    CHECK(c["candidate"]["time_ns"].size() == 6);
    CHECK(c["candidate"]["time_over_one_rank"].is_null() == (c["axes"]["ranks"] == 1));
  }
}

#if RINGATTN_LEGACY

TEST_CASE("v2 and standard match in both dtypes, causal and not, at every rank count") {
  const Finished finished = run(with({"compare", "--old", "v2", "--new", "standard", "--json", "-"}, kSmall));
  CHECK(finished.code == 0);
  CHECK(all_are(outcomes(report_of(finished)), "match"));
  CHECK(contains(finished.err, "RingDilatedAttentionV2"));
  CHECK(contains(finished.err, "0.5.0"));
}

TEST_CASE("old peak bytes stay, new ones fall with the ranks") {
  const Json report =
      report_of(run(with({"compare", "--old", "v2", "--new", "standard", "--json", "-", "-a", "seq_len=768", "-a",
                          "ranks=1,2,4,8", "-a", "dtype=fp32", "-a", "is_causal=false"},
                         {"-a", "heads=2", "-a", "head_dim=32", "--set", "segment_lengths=[256,768]", "--no-time"})));
  std::vector<std::int64_t> old_peak, new_peak;
  const auto peak = [](const Json& implementation) {
    std::int64_t highest = 0;
    for (const Json& rank : implementation["ranks"])
      highest = std::max(highest, rank["peak_bytes"].get<std::int64_t>());
    return highest;
  };
  for (const Json& c : report["cases"]) {
    old_peak.push_back(peak(c["legacy"]));
    new_peak.push_back(peak(c["candidate"]));
  }
  REQUIRE(old_peak.size() == 4);
  CHECK(old_peak[3] >= old_peak[0]);
  CHECK(new_peak[3] < new_peak[1]);
}

TEST_CASE("following the guide gives another function, which is named, and exits 1") {
  const Finished finished = run(with({"compare", "--old", "v2", "--new", "standard", "--new-config", "guide"}, kSmall));
  CHECK(finished.code == 1);
  CHECK(contains(finished.out, "different_function"));
  CHECK(contains(finished.out, "dilated_keys"));
  CHECK(contains(finished.out, "first"));
  CHECK(contains(finished.out, "worst"));
  CHECK(contains(finished.out, "repro: ringattn compare"));
}

TEST_CASE("v2 as shipped, causal, is defective by the slot-order triangle, and raises on several ranks") {
  const std::vector<std::string> shipped =
      with({"compare", "--old", "v2", "--new", "standard", "--as-shipped", "--json", "-", "-a", "dtype=fp32"}, kSmall);
  const Finished one = run(with(shipped, {"-a", "ranks=1", "-a", "is_causal=true"}));
  CHECK(one.code == 1);
  const Json found = report_of(one)["cases"][0];
  CHECK(found["outcome"] == "old_defective");
  CHECK(contains(found["words"], "slot_causal"));
  const Finished full = run(with(shipped, {"-a", "ranks=1", "-a", "is_causal=false"}));
  CHECK(report_of(full)["cases"][0]["outcome"] == "match");  // every rate divides its segment
  const Finished two = run(with(shipped, {"-a", "ranks=2", "-a", "is_causal=false"}));
  CHECK(report_of(two)["cases"][0]["outcome"] == "raises");
  CHECK(contains(report_of(two)["cases"][0]["words"], "AttributeError"));
}

TEST_CASE("an accepted difference exits 0 and an expired one does not") {
  const Folder folder;
  const std::vector<std::string> guide =
      with({"compare", "--old", "v2", "--new", "standard", "--new-config", "guide"}, kSmall);
  const auto accept = [&](const std::string& expires) {
    return folder.write("accept.json",
                        R"([{"case": "*", "outcome": "different_function", "reason": "we want LongNet", "expires": ")" +
                            expires + "\"}]");
  };
  CHECK(run(with(guide, {"--accept", accept("2999-01-01")})).code == 0);
  const Finished expired = run(with(guide, {"--accept", accept("2001-01-01")}));
  CHECK(expired.code == 1);
  CHECK(contains(expired.out + expired.err, "2001-01-01"));
  CHECK(run(with(guide, {"--accept", folder.write("accept.json", R"([{"case": "*", "outcom": "match"}])")})).code == 2);
}

TEST_CASE("compare ends with the preserving configuration as JSON and as Python") {
  const Finished finished = run(with({"compare", "--old", "v2", "--new", "standard"}, kSmall));
  CHECK(contains(finished.out, "\"pattern\": \"dilated_keys\""));
  CHECK(contains(finished.out, "RingAttentionConfig("));
  CHECK(contains(finished.out, "pattern=\"dilated_keys\""));
}

TEST_CASE("a bundle holds configuration, environment, report and the failing tensors") {
  const Folder folder;
  const std::string file = folder / "bundle.tar";
  run(with({"compare", "--old", "v2", "--new", "standard", "--new-config", "guide", "--bundle", file}, kSmall));
  const Finished listing = test::run_program("tar", {"-tf", file});
  CHECK(listing.code == 0);
  CHECK(contains(listing.out, "report.json"));
  CHECK(contains(listing.out, "environment.json"));
  CHECK(contains(listing.out, "configuration.json"));
  CHECK(contains(listing.out, ".safetensors"));
}

TEST_CASE("the guide's own test: batch 2, 4096 rows, 8 heads of 64") {
  const Finished finished = run({"compare",         "--old", "v2",          "--new",     "standard",     "--preset",
                                 "development",     "-a",    "batch=2",     "-a",        "seq_len=4096", "-a",
                                 "heads=8",         "-a",    "head_dim=64", "-a",        "dtype=fp32",   "-a",
                                 "is_causal=false", "-a",    "ranks=1,4",   "--no-time", "--json",       "-"});
  CHECK(finished.code == 0);
  CHECK(outcomes(report_of(finished)) == std::vector<std::string>{"match", "match"});
}

#endif

}  // namespace ringattn
