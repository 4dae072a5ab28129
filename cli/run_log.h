#pragma once

#include "cli/exit_code.h"
#include "cli/terminal.h"
#include "report/report.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace ringattn {

/// Where the report of a run goes, and when the run is complete.
struct RunLogOptions {
  std::string json{};                  ///< --json: a file, "-" for stdout at the end, "" for nowhere
  std::string resume{};                ///< --resume: the report of an earlier run to go on from; "" begins afresh
  std::size_t cases = 0;               ///< that the run has, finished earlier or not
  bool is_deterministic_only = false;  ///< --deterministic-only: that part of the report instead of the table
};

/// The report of one `compare` or `bench`, and its file. After each add() and skip() the file is a valid report of
/// everything finished so far, whatever happens later (report/store.h: it is replaced as a whole). A run that ends
/// early leaves `complete: false`, with `interrupted: true` after Ctrl-C; a log opened with that file as `resume` goes
/// on from it and ends as an undisturbed run would have, except for its start and duration, which are its own.
class RunLog {
 public:
  /// `fresh` is configured and has no cases. Finds out before anything runs whether the run can be resumed and saved:
  /// UsageError where `resume` was configured otherwise, RuntimeFailure where `json` cannot be written.
  RunLog(const Report& fresh, RunLogOptions options);

  /// UsageError where the cases of a resumed report were run with backward and this run is not, or the other way round.
  void expect_pass(bool backward) const;

  const Report& report() const { return report_; }
  /// Since the log was opened; becomes the report's duration.
  std::int64_t elapsed_ns() const;
  /// Whether the case is finished, in this run or the resumed one.
  bool has(const Case& axes) const;

  /// The warnings so far, one line each on stderr.
  void announce(Terminal& terminal) const;
  /// One more warning, saved with the next case.
  void warn(std::string warning);

  /// What the gate's rules said; saved with the next case.
  void check(std::vector<CheckRecord> checks);
  /// Drops checks of a resumed report that are made again at the end.
  void forget_checks(const std::string& rule);

  /// Records of one or more finished cases; saves.
  void add(std::vector<CaseRecord> records);
  /// A case that is not run, and why; saves.
  void skip(const Case& axes, std::string reason);
  /// Drops the records of these cases, which are to be made again.
  void forget(const std::vector<Case>& cases);
  /// Marks report().cases[index] as a known difference; saved by conclude().
  void accept(std::size_t index, std::string reason);

  /// Lets `complete` change the report of everything that ran: what can only be said at the end. Saves.
  void finish(const std::function<void(Report&)>& complete);
  /// Before an error goes on its way: saves, unless no case is finished.
  void save_finished();
  /// Ends the run with exit_interrupted after Ctrl-C, exit_unavailable where every case was skipped, else `answer`:
  /// saves, and writes the report as JSON to stdout for --json -, otherwise what `show` makes of it. Returns the code.
  int conclude(ExitCode answer, Terminal& terminal, const std::function<std::string(const Report&)>& show);

 private:
  bool writes_file() const;
  void save();

  std::int64_t started_ns_;
  RunLogOptions options_;
  Report report_;
  std::size_t saved_ = 0;  ///< records in the file
};

}  // namespace ringattn
