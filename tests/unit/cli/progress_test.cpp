#include "cli/progress.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <string>
#include <vector>

namespace ringattn {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// A terminal whose stderr is a file, with a clock that moves when it is told to.
struct Stage {
  std::FILE* notes = std::tmpfile();
  std::chrono::steady_clock::time_point now{};
  Terminal terminal;

  explicit Stage(bool interactive)
      : terminal(ColorChoice::never, TerminalFacts{.stderr_is_terminal = interactive, .columns = 120, .term = "xterm"},
                 stdout, notes) {}
  ~Stage() { std::fclose(notes); }
  Progress::Clock clock() {
    return [this] { return now; };
  }
  std::string written() const {
    std::rewind(notes);
    char buffer[4096] = {};
    const std::size_t size = std::fread(buffer, 1, sizeof(buffer) - 1, notes);
    return {buffer, size};
  }
};

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("durations read like a clock") {
  CHECK(clock_text(seconds(0)) == "0:00");
  CHECK(clock_text(seconds(42)) == "0:42");
  CHECK(clock_text(seconds(725)) == "12:05");
  CHECK(clock_text(seconds(3725)) == "1:02:05");
}

TEST_CASE("the time left is that of as many steps of mean length, rounded up") {
  CHECK(estimate_left(1.0, 4.0, milliseconds(1000)) == seconds(3));
  CHECK(estimate_left(3, 4, milliseconds(1000)) == seconds(1));
  CHECK(estimate_left(0, 4, milliseconds(1000)) == seconds(0));
  CHECK(estimate_left(4, 4, milliseconds(1000)) == seconds(0));
}

TEST_CASE("nothing is said in the first two seconds") {
  Stage stage(true);
  Progress progress(stage.terminal, ProgressChoice::automatic, 24, stage.clock());
  progress.begin("first");
  stage.now += milliseconds(1900);
  progress.detail("oracle");
  CHECK(!contains(stage.written(), "first"));
}

TEST_CASE("after two seconds the status line has step, label, detail and the time left") {
  Stage stage(true);
  Progress progress(stage.terminal, ProgressChoice::automatic, 24, stage.clock());
  progress.begin("first");
  stage.now += seconds(3);
  progress.finish();
  progress.begin("second");
  stage.now += seconds(1);
  progress.detail("time pair 12/21");
  const std::string text = stage.written();
  CHECK(contains(text, "[ 2/24] second · eta 1:09"));
  CHECK(contains(text, "[ 2/24] second · time pair 12/21 · eta 1:32"));
}

TEST_CASE("steps that take longer have more of the time left") {
  Stage stage(true);
  Progress progress(stage.terminal, ProgressChoice::automatic, std::vector<double>{0.0, 1.0, 9.0}, stage.clock());
  progress.begin("finished earlier");
  progress.finish();
  progress.begin("short");
  stage.now += seconds(10);
  progress.finish();
  progress.begin("long");
  CHECK(contains(stage.written(), "[3/3] long · eta 1:30"));
}

TEST_CASE("where stderr is no terminal nothing is said, or one line a step when forced") {
  Stage silent(false);
  {
    Progress progress(silent.terminal, ProgressChoice::automatic, 2, silent.clock());
    progress.begin("first");
    silent.now += seconds(9);
    progress.finish();
  }
  CHECK(silent.written().empty());

  Stage forced(false);
  {
    Progress progress(forced.terminal, ProgressChoice::always, 2, forced.clock());
    progress.begin("first");
    forced.now += seconds(9);
    progress.finish();
    progress.begin("second");
    progress.finish();
  }
  CHECK(forced.written() == "[1/2] first · done · eta 0:09\n[2/2] second · done\n");
}

TEST_CASE("never means never") {
  Stage stage(true);
  {
    Progress progress(stage.terminal, ProgressChoice::never, 2, stage.clock());
    progress.begin("first");
    stage.now += seconds(9);
    progress.detail("oracle");
    progress.finish();
  }
  CHECK(stage.written().empty());
}

}  // namespace
}  // namespace ringattn
