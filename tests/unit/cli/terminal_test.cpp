#include "cli/terminal.h"

#include "config/error.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <string>

namespace ringattn {
namespace {

/// A file that stands for a stream.
struct Stream {
  std::FILE* file = std::tmpfile();
  ~Stream() { std::fclose(file); }
  std::string text() const {
    std::string bytes(static_cast<std::size_t>(std::ftell(file)), '\0');
    std::rewind(file);
    CHECK(std::fread(bytes.data(), 1, bytes.size(), file) == bytes.size());
    return bytes;
  }
};

TerminalFacts on_terminal() {
  TerminalFacts facts;
  facts.stdout_is_terminal = facts.stderr_is_terminal = true;
  facts.columns = 100;
  facts.term = "xterm";
  return facts;
}

bool has_color(ColorChoice choice, const TerminalFacts& facts) { return Terminal(choice, facts).style().color; }

TEST_CASE("colour appears on a terminal only, and NO_COLOR, CLICOLOR_FORCE and --color are honoured in this order") {
  TerminalFacts facts = on_terminal();
  CHECK(has_color(ColorChoice::automatic, facts));
  CHECK_FALSE(has_color(ColorChoice::never, facts));
  facts.no_color = true;
  facts.clicolor_force = true;
  CHECK_FALSE(has_color(ColorChoice::automatic, facts));
  CHECK(has_color(ColorChoice::always, facts));
  CHECK_FALSE(has_color(ColorChoice::automatic, {}));
  CHECK(has_color(ColorChoice::automatic, {.clicolor_force = true}));
  facts = on_terminal();
  facts.term = "dumb";
  CHECK_FALSE(has_color(ColorChoice::automatic, facts));
}

TEST_CASE("stdout and stderr are coloured each by what it is") {
  TerminalFacts facts = on_terminal();
  facts.stdout_is_terminal = false;
  const Terminal terminal(ColorChoice::automatic, facts);
  CHECK_FALSE(terminal.style().color);
  CHECK(terminal.note_style().color);
}

TEST_CASE("the width is the window's, within reason, and 120 where there is none") {
  CHECK(Terminal(ColorChoice::automatic, on_terminal()).style().width == 100);
  CHECK(Terminal(ColorChoice::automatic, {}).style().width == 120);
  CHECK(Terminal(ColorChoice::automatic, {.columns = 3}).style().width == 40);
}

TEST_CASE("the words of --color are auto, always and never") {
  CHECK(color_choice_from("auto") == ColorChoice::automatic);
  CHECK(color_choice_from("always") == ColorChoice::always);
  CHECK(color_choice_from("never") == ColorChoice::never);
  CHECK_THROWS_WITH_AS(color_choice_from("yes"), "--color yes: must be auto, always or never", UsageError);
}

TEST_CASE("results and notes go to their own streams") {
  const Stream result;
  const Stream notes;
  Terminal terminal(ColorChoice::automatic, {}, result.file, notes.file);
  terminal.status("12 of 24");  // no terminal: nothing is written
  terminal.result("table\n");
  terminal.note("note");
  terminal.warn("careful");
  terminal.error("broken");
  CHECK(result.text() == "table\n");
  CHECK(notes.text() == "note\nwarning: careful\nerror: broken\n");
}

TEST_CASE("a status line is overwritten, cut to the width and removed before anything else is said") {
  const Stream result;
  const Stream notes;
  TerminalFacts facts = on_terminal();
  facts.columns = 40;
  Terminal terminal(ColorChoice::never, facts, result.file, notes.file);
  terminal.status(std::string(50, '='));
  terminal.status("two");
  terminal.note("note");
  CHECK(notes.text() == "\r\x1b[K" + std::string(39, '=') + "\r\x1b[Ktwo\r\x1b[Knote\n");
}

TEST_CASE("a result that cannot be written is an error") {
  if (!std::filesystem::exists("/dev/full")) return;
  std::FILE* full = std::fopen("/dev/full", "w");
  REQUIRE(full != nullptr);
  Terminal terminal(ColorChoice::never, {}, full, stderr);
  CHECK_THROWS_WITH_AS(terminal.result("table\n"), "standard output: cannot be written: No space left on device",
                       RuntimeFailure);
  std::fclose(full);
}

}  // namespace
}  // namespace ringattn
