#include "cli/terminal.h"

#include "config/error.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <sys/ioctl.h>
#include <unistd.h>

namespace ringattn {
namespace {

constexpr int columns_unknown = 120;
constexpr int columns_least = 40;

bool use_color(ColorChoice choice, const TerminalFacts& facts, bool is_terminal) {
  if (choice != ColorChoice::automatic) return choice == ColorChoice::always;
  if (facts.no_color) return false;
  if (facts.clicolor_force) return true;
  return is_terminal && facts.term != "dumb";
}

int usable_columns(const TerminalFacts& facts) {
  if (facts.columns <= 0) return columns_unknown;
  return facts.columns < columns_least ? columns_least : facts.columns;
}

/// As many columns of UTF-8 text as fit.
std::string cut(std::string_view text, int columns) {
  while (display_width(text) > columns) text.remove_suffix(1);
  return std::string(text);
}

}  // namespace

ColorChoice color_choice_from(std::string_view word) {
  if (word == "auto") return ColorChoice::automatic;
  if (word == "always") return ColorChoice::always;
  if (word == "never") return ColorChoice::never;
  throw UsageError(fmt::format("--color {}: must be auto, always or never", word));
}

TerminalFacts TerminalFacts::detect(const Env& env) {
  TerminalFacts facts;
  facts.stdout_is_terminal = ::isatty(STDOUT_FILENO) != 0;
  facts.stderr_is_terminal = ::isatty(STDERR_FILENO) != 0;
  winsize window{};
  if (facts.stdout_is_terminal && ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0) facts.columns = window.ws_col;
  facts.no_color = env.no_color;
  facts.clicolor_force = env.force_color;
  facts.term = env.term;
  return facts;
}

Terminal::Terminal(ColorChoice color, const TerminalFacts& facts, std::FILE* result, std::FILE* notes)
    : result_style_{usable_columns(facts), use_color(color, facts, facts.stdout_is_terminal)},
      note_style_{usable_columns(facts), use_color(color, facts, facts.stderr_is_terminal)},
      notes_interactive_(facts.stderr_is_terminal && facts.term != "dumb"),
      result_(result),
      notes_(notes) {}

void Terminal::result(std::string_view text) {
  if (is_silent_) return;
  status("");
  const bool written = std::fwrite(text.data(), 1, text.size(), result_) == text.size() && std::fflush(result_) == 0;
  if (!written) throw RuntimeFailure(fmt::format("standard output: cannot be written: {}", std::strerror(errno)));
}

void Terminal::note(std::string_view line) {
  if (is_silent_) return;
  status("");
  write_note(fmt::format("{}\n", line));
}

void Terminal::warn(std::string_view line) {
  note(paint("warning:", Tone::unsure, note_style_) + " " + std::string(line));
}

void Terminal::error(std::string_view line) {
  status("");
  write_note(fmt::format("{} {}\n", paint("error:", Tone::bad, note_style_), line));
}

void Terminal::status(std::string_view line) {
  if (is_silent_ || !notes_interactive_ || (line.empty() && !status_shown_)) return;
  write_note("\r\x1b[K" + cut(line, note_style_.width - 1));
  status_shown_ = !line.empty();
}

/// Notes are a courtesy: where stderr cannot be written, the result still counts.
void Terminal::write_note(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), notes_);
  std::fflush(notes_);
}

}  // namespace ringattn
