#pragma once

#include "cli/terminal.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// `automatic`: a status line on a terminal, nothing elsewhere. `always`: one line a step where stderr is no terminal.
enum class ProgressChoice { automatic, always, never };

/// "0:42", "12:05", "1:02:05".
std::string clock_text(std::chrono::seconds duration);

/// Seconds left when `done` of `total` took `elapsed`, and the rest goes on as it went so far; rounded up.
///   eta = elapsed · (total - done) / done
std::chrono::seconds estimate_left(double done, double total, std::chrono::milliseconds elapsed);

/// What goes on during a long run, on stderr: "[ 7/24] b1/n4096/… · time pair 12/21 · eta 0:42". Says nothing in the
/// first two seconds: a short run needs no progress line.
class Progress {
 public:
  using Clock = std::function<std::chrono::steady_clock::time_point()>;

  /// Steps that take equally long.
  Progress(Terminal& terminal, ProgressChoice choice, std::int64_t total, Clock clock = std::chrono::steady_clock::now);
  /// A step for each weight, which takes a time in proportion to it; 0: none.
  Progress(Terminal& terminal, ProgressChoice choice, std::vector<double> weights,
           Clock clock = std::chrono::steady_clock::now);
  ~Progress();  ///< removes the status line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Step `done` + 1 of the total begins.
  void begin(std::string_view label);
  /// What the step is doing now: "oracle", "time pair 12/21".
  void detail(std::string_view text);
  /// The step is over.
  void finish();

 private:
  void show();
  std::string line() const;

  Terminal& terminal_;
  ProgressChoice choice_;
  std::vector<double> weights_;
  Clock clock_;
  std::chrono::steady_clock::time_point started_;
  std::chrono::steady_clock::time_point shown_;
  std::int64_t done_ = 0;
  std::string label_;
  std::string detail_;
};

}  // namespace ringattn
