#include "report/store.h"

#include "config/error.h"
#include "report/json.h"
#include "tests/unit/report/example_report.h"

#include <doctest/doctest.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <sys/resource.h>
#include <unistd.h>

namespace ringattn {
namespace {

namespace fs = std::filesystem;

/// A folder of its own that goes with the test.
struct Scratch {
  fs::path folder;
  Scratch() {
    std::string name = (fs::temp_directory_path() / "ringattn_store.XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  ~Scratch() { fs::remove_all(folder); }
  fs::path operator/(const char* name) const { return folder / name; }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }
};

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

template <typename Error, typename Action>
std::string message(Action action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

/// Files of this process may not grow beyond `bytes`: a disk that is full after so many.
struct FullDisk {
  rlimit before{};
  explicit FullDisk(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{bytes, before.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, SIG_DFL);
  }
};

TEST_CASE("a saved report can be loaded, replaces the old one, and leaves nothing beside it") {
  const Scratch scratch;
  const fs::path path = scratch / "run.json";
  Report report = test::example_report();
  save_report(report, path);
  report.cases.pop_back();
  save_report(report, path);
  CHECK(to_json_text(load_report(path)) == to_json_text(report));
  CHECK(scratch.files() == 1);
}

TEST_CASE("a disk that fills up fails with path and reason, and the old report stays as it was") {
  const Scratch scratch;
  const fs::path path = scratch / "run.json";
  write_file_atomically(path, "old");
  std::string text;
  {
    const FullDisk full(512);
    text = message<RuntimeFailure>([&] { save_report(test::example_report(), path); });
  }
  CHECK(text == path.string() + ": cannot be written: File too large");
  CHECK(text_of(path) == "old");
  CHECK(scratch.files() == 1);
}

TEST_CASE("a device is written in place, and a full one is an error") {
  if (!fs::exists("/dev/full")) return;
  CHECK(message<RuntimeFailure>([] { write_file_atomically("/dev/full", "x"); }) ==
        "/dev/full: cannot be written: No space left on device");
  CHECK(message<RuntimeFailure>([] { write_file_atomically("/dev/null", "x"); }) == "no error");
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("a folder that is missing, and a folder in the file's place, are named before anything runs") {
  const Scratch scratch;
  const fs::path missing = scratch / "no/run.json";
  CHECK(message<RuntimeFailure>([&] { check_writable(missing); }) ==
        missing.string() + ": cannot create a file beside it: No such file or directory");
  CHECK(message<RuntimeFailure>([&] { check_writable(scratch.folder); }) ==
        scratch.folder.string() + ": cannot be written: Is a directory");
  const fs::path path = scratch / "run.json";
  write_file_atomically(path, "old");
  check_writable(path);
  CHECK(text_of(path) == "old");
  CHECK(scratch.files() == 1);
}

TEST_CASE("a link stays a link, and rights stay as they were") {
  const Scratch scratch;
  write_file_atomically(scratch / "real.json", "old");
  fs::permissions(scratch / "real.json", fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("real.json", scratch / "link.json");
  write_file_atomically(scratch / "link.json", "new");
  CHECK(fs::is_symlink(scratch / "link.json"));
  CHECK(text_of(scratch / "real.json") == "new");
  CHECK(fs::status(scratch / "real.json").permissions() == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("a file that is no report, or cannot be read, is a usage error with its name") {
  const Scratch scratch;
  const fs::path path = scratch / "run.json";
  CHECK(message<UsageError>([&] { load_report(path); }) == path.string() + ": cannot be read");
  CHECK(message<UsageError>([&] { load_report(scratch.folder); }) == scratch.folder.string() + ": cannot be read");
  write_file_atomically(path, "{}");
  CHECK(message<UsageError>([&] { load_report(path); }) == path.string() + ": /schema: this key is required");
}

TEST_CASE("a resumed run keeps the finished cases of an interrupted one, and tries skipped ones again") {
  Report previous = test::example_report();
  previous.interrupted = true;
  previous.complete = false;
  Report fresh = test::example_report();
  fresh.cases.clear();
  fresh.skipped.clear();
  fresh.started_at = "2026-01-01T00:00:00Z";
  fresh.resolved.provenance.clear();
  fresh.complete = false;
  fresh.exit_code = 0;
  const Report resumed = resume(fresh, previous, "run.json");
  CHECK((resumed.cases == previous.cases));
  CHECK(resumed.skipped.empty());
  CHECK_FALSE(resumed.interrupted);
  CHECK(resumed.started_at == fresh.started_at);
  CHECK(resumed.summary.cases == 2);
}

TEST_CASE("a resume with another configuration is refused, naming the field and both values") {
  const Report previous = test::example_report();
  const auto refused = [&](auto change) {
    Report fresh = test::example_report();
    change(fresh);
    return message<UsageError>([&] { resume(fresh, previous, "run.json"); });
  };
  const std::string why = ": only a run with the same configuration can go on";
  CHECK(refused([](Report& r) { r.resolved.config["dropout"] = 0.1; }) ==
        "--resume run.json: /resolved/config/dropout is 0.0 there and 0.1 now" + why);
  CHECK(refused([](Report& r) { r.resolved.config["bias"] = true; }) ==
        "--resume run.json: /resolved/config/bias is absent there and true now" + why);
  CHECK(refused([](Report& r) { r.resolved.workload["seq_len"] = {8}; }) ==
        "--resume run.json: /resolved/workload/seq_len is [4096] there and [8] now" + why);
  CHECK(refused([](Report& r) { r.resolved.config["a~/b"] = 1; }) ==
        "--resume run.json: /resolved/config/a~0~1b is absent there and 1 now" + why);
  CHECK(refused([](Report& r) { r.verb = "bench"; }) ==
        "--resume run.json: /verb is \"compare\" there and \"bench\" now" + why);
  CHECK(refused([](Report& r) { r.environment.git_commit = "ffff"; }).find("/environment/git_commit") !=
        std::string::npos);
}

}  // namespace
}  // namespace ringattn
