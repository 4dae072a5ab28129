#include "config/json.h"
#include "program.h"
#include "tests/support/folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace ringattn {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::Finished;
using test::Folder;
using test::run;

/// Two ranks counts and three lengths of a small dense ring.
std::vector<std::string> gate_words(const Folder& folder, const std::vector<std::string>& more) {
  std::vector<std::string> words{
      "gate",      "--baseline", folder.path(),  "-a", "batch=1",    "-a", "seq_len=32,64,96", "-a",
      "heads=2",   "-a",         "head_dim=8",   "-a", "dtype=fp32", "-a", "is_causal=true",   "-a",
      "ranks=2,3", "--set",      "pattern=dense"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Finished gate(const Folder& folder, const std::vector<std::string>& more = {"--no-time"}) {
  return run(gate_words(folder, more));
}

/// A folder with a fresh baseline.
void make_baseline(const Folder& folder) {
  const Finished made = gate(folder, {"--no-time", "--update-baseline"});
  REQUIRE_MESSAGE(made.code == 0, made.err);
  REQUIRE(contains(made.out, "+ ci/standard/"));
}

/// Replaces the first place of `part` in the deterministic baseline.
void edit(const Folder& folder, const std::string& part, const std::string& with) {
  std::string text = folder.read("deterministic.jsonl");
  REQUIRE(contains(text, part));
  folder.write("deterministic.jsonl", text.replace(text.find(part), part.size(), with));
}

TEST_CASE("without a baseline the gate asks for one") {
  const Folder folder;
  const Finished finished = gate(folder);
  CHECK(finished.code == 2);
  CHECK(contains(finished.err,
                 "deterministic.jsonl does not exist; write it with --update-baseline, or give --allow-new"));
  const Finished allowed = gate(folder, {"--no-time", "--allow-new"});
  CHECK(allowed.code == 0);
  CHECK(contains(allowed.out, "new: nothing to compare with"));
}

TEST_CASE("a build passes its own baseline, strictly, and updating it changes nothing") {
  const Folder folder;
  make_baseline(folder);
  const Finished passed = gate(folder, {"--no-time", "--strict"});
  CHECK_MESSAGE(passed.code == 0, passed.out);
  CHECK(contains(passed.out, "6 cases: "));
  const std::string before = folder.read("deterministic.jsonl");
  const Finished again = gate(folder, {"--no-time", "--update-baseline"});
  CHECK(contains(again.out, "the baseline is up to date"));
  CHECK(folder.read("deterministic.jsonl") == before);
}

TEST_CASE("one message more than the baseline fails, with the case's own command") {
  const Folder folder;
  make_baseline(folder);
  edit(folder, "\"messages\":[1,1]", "\"messages\":[0,1]");
  const Finished finished = gate(folder);
  CHECK(finished.code == 1);
  CHECK(
      contains(finished.out, "fail traffic b1/n32/h2/d8/fp32/causal/k2: rank 0 sends 1 messages, baseline 0: 1 more"));
  CHECK(contains(finished.out, "repeat: ringattn gate"));
}

TEST_CASE("an improvement is reported, and fails strictly until the baseline is updated") {
  const Folder folder;
  make_baseline(folder);
  edit(folder, "\"messages\":[1,1]", "\"messages\":[2,1]");
  const Finished finished = gate(folder);
  CHECK(finished.code == 0);
  CHECK(contains(finished.out, "1 improved: update the baseline"));
  CHECK(gate(folder, {"--no-time", "--strict"}).code == 1);
  const Finished updated = gate(folder, {"--no-time", "--update-baseline"});
  CHECK(updated.code == 0);
  CHECK(contains(updated.out, "rank 0 messages 2 -> 1"));
  CHECK(gate(folder, {"--no-time", "--strict"}).code == 0);
}

TEST_CASE("a wrong exponent in the baseline fails") {
  const Folder folder;
  make_baseline(folder);
  const std::string text = folder.read("deterministic.jsonl");
  const std::string key = "\"own_bytes_exponent\":";
  REQUIRE(contains(text, key));
  const std::size_t from = text.find(key) + key.size();
  edit(folder, text.substr(from - key.size(), text.find('}', from) - from + key.size()), key + "0.5");
  const Finished finished = gate(folder);
  CHECK(finished.code == 1);
  CHECK(contains(finished.out,
                 "fail exponent b1/n*/h2/d8/fp32/causal/k2: bytes above inputs and library workspace grow as n^"));
  CHECK(contains(finished.out, "n^0.500000"));
}

TEST_CASE("a case without an entry is exit code 2, unless --allow-new") {
  const Folder folder;
  make_baseline(folder);
  std::string text = folder.read("deterministic.jsonl");
  const std::size_t second = text.find('\n') + 1;
  folder.write("deterministic.jsonl", text.erase(second, text.find('\n', second) - second + 1));
  CHECK(gate(folder).code == 2);
  CHECK(gate(folder, {"--no-time", "--allow-new"}).code == 0);
}

TEST_CASE("a baseline that is wrong is refused with its line, and left as it is") {
  const Folder folder;
  make_baseline(folder);
  edit(folder, "\"messages\":[1,1]", "\"messages\":[1.5,1]");
  const std::string before = folder.read("deterministic.jsonl");
  const Finished finished = gate(folder, {"--no-time", "--update-baseline"});
  CHECK(finished.code == 2);
  CHECK(contains(finished.err, "deterministic.jsonl:2: /messages/0"));
  CHECK(folder.read("deterministic.jsonl") == before);
}

TEST_CASE("an interrupted report is gone on from, and ends the same") {
  const Folder folder;
  make_baseline(folder);
  const std::string whole = folder / "whole.json", resumed = folder / "resumed.json";
  CHECK(gate(folder, {"--no-time", "--json", whole}).code == 0);
  Json report = Json::parse(test::read_file(whole));
  const Json checks = report["checks"];
  const std::string last = report["cases"].back()["id"];
  report["cases"].erase(report["cases"].size() - 1);
  report["complete"] = false;
  report["interrupted"] = true;
  report["checks"] = Json::array();
  for (const Json& check : checks)
    if (check["id"] != last && check["rule"] != "exponent") report["checks"].push_back(check);
  folder.write("resumed.json", report.dump());
  CHECK(gate(folder, {"--no-time", "--json", resumed, "--resume", resumed}).code == 0);
  CHECK(Json::parse(test::read_file(resumed))["checks"] == checks);
  CHECK(Json::parse(test::read_file(resumed))["complete"] == true);
}

TEST_CASE("JUnit and report say the same") {
  const Folder folder;
  make_baseline(folder);
  edit(folder, "\"messages\":[1,1]", "\"messages\":[0,1]");
  const Finished finished = gate(folder, {"--no-time", "--json", folder / "r.json", "--junit", folder / "r.xml"});
  CHECK(finished.code == 1);
  CHECK(Json::parse(folder.read("r.json"))["exit_code"] == 1);
  CHECK(contains(folder.read("r.xml"),
                 "<failure type=\"fail\" message=\"rank 0 sends 1 messages, baseline 0: 1 more\"/>"));
}

TEST_CASE("a full disk leaves the baseline as it is") {
  if (!fs::exists("/dev/full")) return;
  const Folder folder;
  make_baseline(folder);
  CHECK(gate(folder, {"--no-time", "--json", "/dev/full"}).code == 4);
  CHECK(gate(folder).code == 0);
}

TEST_CASE("times against this very build are taken in turns") {
  const Folder folder;
  make_baseline(folder);
  const char* named = std::getenv("RINGATTN_BINARY");
  const std::string binary = named != nullptr ? named : RINGATTN_BINARY;
  const Finished finished = gate(folder, {"--against", binary, "--pairs", "7", "--json", folder / "r.json"});
  CHECK_MESSAGE(finished.code <= 1, finished.err);
  const Json report = Json::parse(folder.read("r.json"));
  for (const Json& record : report["cases"]) CHECK(record["candidate"]["time_ns"].size() == 7);
  CHECK(contains(report["warnings"].dump(), "time is compared with ringattn "));
}

TEST_CASE("another build that cannot be timed is refused in words") {
  const Folder folder;
  make_baseline(folder);
  const Finished missing = gate(folder, {"--against", folder / "nothing"});
  CHECK(missing.code == 2);
  CHECK(contains(missing.err, "--against: must be a ringattn binary"));
  const Finished no_ringattn = gate(folder, {"--against", "/bin/false"});
  CHECK(no_ringattn.code == 2);
  CHECK(contains(no_ringattn.err, "ended with exit code 1 before it answered"));
  folder.write("hangs", "#!/bin/sh\nexec sleep 60\n");
  fs::permissions(folder / "hangs", fs::perms::owner_all);
  const Finished hangs = gate(folder, {"--against", folder / "hangs", "--timeout", "1"});
  CHECK(hangs.code == 2);
  CHECK(contains(hangs.err, "no answer within 1 s (--timeout)"));
}

TEST_CASE("flags that exclude each other are refused") {
  const Folder folder;
  CHECK(gate(folder, {"--no-time", "--against", "/bin/true"}).code == 2);
  CHECK(gate(folder, {"--update-baseline", "--against", "/bin/true"}).code == 2);
  CHECK(gate(folder, {"--update-baseline", "--strict"}).code == 2);
  CHECK(gate(folder, {"--pairs", "3"}).code == 2);
}

TEST_CASE("a served build answers each request, wrong ones too") {
  const Finished served =
      run({"gate", "--serve"}, {}, "{\"ask\":\"hello\",\"protocol\":1}\n{\"ask\":\"sample\"}\nnonsense\n");
  CHECK(served.code == 0);
  CHECK(contains(served.out, "{\"protocol\":1,\"build\":\"ringattn "));
  CHECK(contains(served.out, "nothing is prepared"));
  CHECK(std::count(served.out.begin(), served.out.end(), '\n') == 3);
}

}  // namespace
}  // namespace ringattn
