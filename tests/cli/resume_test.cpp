#include "config/json.h"
#include "program.h"
#include "tests/support/folder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

// Runs that are interrupted, killed, or run out of disk lose no finished case, and are gone on from.

namespace ringattn {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::Finished;
using test::Folder;
using test::run;
using test::run_program;

std::string binary() {
  const char* named = std::getenv("RINGATTN_BINARY");
  return named != nullptr ? named : RINGATTN_BINARY;
}

Json read(const std::string& path) { return Json::parse(test::read_file(path)); }

/// Eight small cases.
std::vector<std::string> words_of(const std::string& verb, const Folder& folder) {
  std::vector<std::string> words{
      verb,         "-a", "seq_len=32,64,96,128", "-a", "ranks=1,2", "-a",    "heads=2",      "-a", "head_dim=8", "-a",
      "dtype=fp32", "-a", "is_causal=true",       "-a", "batch=1",   "--set", "pattern=dense"};
  const auto add = [&](const std::vector<std::string>& more) { words.insert(words.end(), more.begin(), more.end()); };
  if (verb == "compare") add({"--old", "oracle", "--no-time"});
  if (verb == "bench") add({"--pairs", "6"});
  if (verb == "gate") add({"--no-time", "--allow-new", "--baseline", folder / "baselines"});
  return words;
}

/// Starts the run by `prelude`, ends it by `signal` once its file holds a finished case (or lets it end where that is
/// too late); its exit code.
int run_until_first_case(const std::vector<std::string>& words, const std::string& file, const std::string& prelude,
                         const std::string& signal) {
  std::string script = prelude + R"(
    file=$1; shift
    "$@" --json "$file" --quiet >/dev/null 2>"$file.err" & pid=$!
    )";
  if (!signal.empty())
    script += R"(for i in $(seq 1000); do
      if grep -q '"mark"' "$file" 2>/dev/null || ! kill -0 $pid 2>/dev/null; then break; fi
      sleep 0.02
    done
    kill -)" + signal +
              R"( $pid 2>/dev/null
    )";
  script += "wait $pid; echo $?\n";
  std::vector<std::string> arguments{"-c", script, "sh", file, binary()};
  arguments.insert(arguments.end(), words.begin(), words.end());
  const Finished finished = run_program("sh", arguments);
  REQUIRE(finished.code == 0);
  return std::stoi(finished.out);
}

std::set<std::string> ids_of(const Json& report) {
  std::set<std::string> ids;
  for (const Json& record : report["cases"]) ids.insert(record["id"]);
  return ids;
}

/// Without what no two runs share: times and what is computed from them.
Json timeless(const Json& json) {
  if (json.is_array()) {
    Json all = Json::array();
    for (const Json& item : json) all.push_back(timeless(item));
    return all;
  }
  if (!json.is_object()) return json;
  Json kept = Json::object();
  for (const auto& [key, value] : json.items())
    if (!contains(key, "_ns") && key.rfind("time_", 0) != 0 && key != "rates") kept[key] = timeless(value);
  return kept;
}

/// What was finished is still there, as it was, and the resumed run ends with the report of one that was left alone.
void check_resumed(const std::string& verb, const std::vector<std::string>& words, const std::string& file) {
  CAPTURE(verb);
  const Json before = read(file);
  CHECK(run({"report", "--check", file}).code == 0);
  std::vector<std::string> again = words;
  again.insert(again.end(), {"--json", file, "--resume", file, "--quiet"});
  const Finished resumed = run(again);
  CHECK_MESSAGE(resumed.code == 0, resumed.err);
  const Json after = read(file);
  CHECK(after["complete"] == true);
  CHECK(after["interrupted"] == false);
  CHECK(ids_of(after).size() == 8);
  CHECK(after["cases"].size() == 8);
  // A bench times the numbers of ranks of one length together: they are finished together.
  for (const Json& record : before["cases"])
    CHECK(std::find(after["cases"].begin(), after["cases"].end(), record) != after["cases"].end());
  std::vector<std::string> undisturbed = words;
  undisturbed.insert(undisturbed.end(), {"--json", file + ".undisturbed", "--quiet"});
  CHECK(run(undisturbed).code == 0);
  const Json expected = read(file + ".undisturbed");
  for (const char* part : {"resolved", "cases", "checks", "skipped", "planned", "summary", "exit_code"})
    CHECK_MESSAGE(timeless(after[part]) == timeless(expected[part]), part);
}

TEST_CASE("after SIGINT, SIGTERM and SIGKILL no finished case is lost, and --resume ends what was begun") {
  for (const std::string verb : {"compare", "bench", "gate"}) {
    for (const std::string signal : {"INT", "TERM", "KILL"}) {
      const Folder folder;
      const std::string file = folder / "run.json";
      const std::vector<std::string> words = words_of(verb, folder);
      const int code = run_until_first_case(words, file, "", signal);
      CAPTURE(signal);
      const bool was_late = code == 0;
      CHECK((was_late || code == (signal == "KILL" ? 137 : 130)));
      const Json report = read(file);
      CHECK(!report["cases"].empty());
      if (!was_late) {
        CHECK(report["complete"] == false);
        CHECK(report["interrupted"] == (signal != "KILL"));
      }
      check_resumed(verb, words, file);
    }
  }
}

TEST_CASE("where the disk is full the report keeps what it has, the error says so, and --resume ends the run") {
  for (const std::string verb : {"compare", "bench", "gate"}) {
    const Folder folder;
    const std::string file = folder / "run.json";
    const std::vector<std::string> words = words_of(verb, folder);
    // Files of at most 24 blocks of 512 or 1024 bytes: some cases fit, not all.
    const int code = run_until_first_case(words, file, "ulimit -f 24", "");
    CAPTURE(verb);
    CHECK(code == 4);
    std::ifstream err(file + ".err");
    const std::string said{std::istreambuf_iterator<char>(err), std::istreambuf_iterator<char>()};
    if (fs::exists(file)) {
      CHECK_MESSAGE(contains(said, "go on with --resume"), said);
      CHECK(!read(file)["cases"].empty());
      check_resumed(verb, words, file);
    } else {
      CHECK_MESSAGE(contains(said, "cannot be written"), said);
    }
  }
}

}  // namespace
}  // namespace ringattn
