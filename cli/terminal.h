#pragma once

#include "config/env.h"
#include "report/table.h"

#include <cstdio>
#include <string>
#include <string_view>

namespace ringattn {

enum class ColorChoice { automatic, always, never };
/// "auto", "always", "never"; UsageError on anything else.
ColorChoice color_choice_from(std::string_view word);

/// What decides how text looks, read once at start: makes the rules testable without a terminal.
struct TerminalFacts {
  bool stdout_is_terminal = false;
  bool stderr_is_terminal = false;
  int columns = 0;              ///< of stdout's window; 0 when unknown
  bool no_color = false;        ///< NO_COLOR is set and not empty
  bool clicolor_force = false;  ///< CLICOLOR_FORCE is set and neither empty nor 0
  std::string term{};           ///< TERM: "dumb" has no colour
  static TerminalFacts detect(const Env& env);
};

/// Where the program speaks: the result on stdout, everything else on stderr. --color beats NO_COLOR, which beats
/// CLICOLOR_FORCE, which beats what stdout is. Width: the window's, otherwise COLUMNS is not consulted and 120 is
/// taken.
class Terminal {
 public:
  Terminal(ColorChoice color, const TerminalFacts& facts, std::FILE* result = stdout, std::FILE* notes = stderr);

  /// How to lay out text for stdout, and for stderr.
  const TextStyle& style() const { return result_style_; }
  const TextStyle& note_style() const { return note_style_; }
  bool notes_are_interactive() const { return notes_interactive_; }

  /// Writes the result as it is and flushes; RuntimeFailure when it cannot be written (a closed pipe, a full disk).
  void result(std::string_view text);
  /// One line for people on stderr; clears a status line first.
  void note(std::string_view line);
  /// "warning: …" on stderr.
  void warn(std::string_view line);
  /// "error: …" on stderr.
  void error(std::string_view line);
  /// Says nothing from now on but errors.
  void silence() { is_silent_ = true; }
  /// A line that the next one overwrites; on something that is no terminal nothing is written. "" removes it.
  void status(std::string_view line);

 private:
  void write_note(std::string_view text);

  TextStyle result_style_;
  TextStyle note_style_;
  bool notes_interactive_;
  bool status_shown_ = false;
  bool is_silent_ = false;
  std::FILE* result_;
  std::FILE* notes_;
};

}  // namespace ringattn
