#include "cli/report.h"

#include "cli/exit_code.h"
#include "cli/verbs.h"
#include "config/did_you_mean.h"
#include "config/error.h"
#include "report/check.h"
#include "report/csv.h"
#include "report/json.h"
#include "report/page.h"
#include "report/report_suites.h"
#include "report/store.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace ringattn {
namespace {

namespace fs = std::filesystem;

const std::vector<std::string> known_formats{"md", "html", "svg", "csv", "junit"};

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || fs::is_directory(path)) throw UsageError(path + ": cannot be read");
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw RuntimeFailure(fmt::format("{}: cannot be made: {}", folder.string(), error.message()));
}

Collection load_all(const std::vector<std::string>& paths) {
  std::vector<SourceReport> reports;
  for (const std::string& path : paths)
    reports.push_back({fs::path(path).filename().string(), report_from_json(read_text(path), path)});
  return merge_reports(std::move(reports));
}

std::optional<Changes> changes_since(const std::string& path, const Collection& now) {
  if (path.empty()) return std::nullopt;
  const std::string text = read_text(path);
  const std::string name = fs::path(path).filename().string();
  if (kind_of_result(text) == "baseline") return changes_between(states_of_baseline(text, path), states_of(now), name);
  const Collection before = merge_reports({{name, report_from_json(text, path)}});
  return changes_between(states_of(before), states_of(now), name);
}

/// The files of a report, and how they are told of.
class Folder {
 public:
  Folder(fs::path path, Terminal& terminal) : path_(std::move(path)), terminal_(terminal) { make_folder(path_); }
  void write(const fs::path& name, const std::string& bytes) {
    const fs::path target = path_ / name;
    make_folder(target.parent_path());
    write_file_atomically(target, bytes);
    terminal_.result(target.string() + "\n");
  }

 private:
  fs::path path_;
  Terminal& terminal_;
};

void write_files(const ReportOptions& options, const Collection& collection, Page page, Terminal& terminal) {
  const auto wants = [&](const char* format) { return options.formats.empty() || options.formats.contains(format); };
  page.figures_are_files = wants("svg");
  Folder folder(options.folder, terminal);
  if (wants("md")) folder.write("report.md", markdown_of(page));
  if (wants("html")) folder.write("report.html", html_of(page));
  if (wants("csv")) folder.write("report.csv", csv_of(collection));
  if (wants("junit")) folder.write("junit.xml", junit_xml(report_suites(collection)));
  if (!wants("svg")) return;
  for (const Figure& figure : page.figures.shown)
    folder.write(fs::path("plots") / (figure_name(figure) + ".svg"), figure_svg(figure, true));
}

/// "run.json: report, 12 cases, no problem", or a line for each problem. Whether there is none.
bool check_file(const std::string& path, Terminal& terminal) {
  const std::string text = read_text(path);
  const std::string kind = kind_of_result(text);
  if (!kind.empty() && kind != "report") {
    terminal.result(fmt::format("{}: no report but {} {}; not checked\n", path, kind == "identification" ? "an" : "a",
                                kind == "schema" ? "JSON schema" : kind));
    return true;
  }
  try {
    const Report report = report_from_json(text, path);
    const std::vector<ReportProblem> problems = report_problems(report);
    for (const ReportProblem& problem : problems)
      terminal.result(fmt::format("{}: {}: {}\n", path, problem.pointer, problem.words));
    if (problems.empty())
      terminal.result(fmt::format("{}: {} of {} cases, no problem\n", path, report.verb, report.cases.size()));
    return problems.empty();
  } catch (const UsageError& error) {
    terminal.result(std::string(error.what()) + "\n");
    return false;
  }
}

void add_format(ReportOptions& options, const std::string& word) {
  if (std::find(known_formats.begin(), known_formats.end(), word) == known_formats.end())
    throw UsageError("--format: unknown format \"" + word + "\"" + did_you_mean(word, known_formats) +
                     "; known: md, html, svg, csv, junit");
  options.formats.insert(word);
}

void check(const ReportOptions& options) {
  if (options.folder.empty() && !options.is_check)
    throw UsageError("-o: the folder to write to is required (or --check, to validate alone)");
}

}  // namespace

int run_report(const ReportOptions& options, Terminal& terminal) {
  if (options.is_check) {
    bool all_good = true;
    for (const std::string& path : options.runs) all_good = check_file(path, terminal) && all_good;
    if (!all_good) return exit_no;
    if (options.folder.empty()) return exit_yes;
  }
  const Collection collection = load_all(options.runs);
  Page page = page_of(collection, changes_since(options.since, collection));
  if (page.changes) terminal.note(changes_line(*page.changes));
  write_files(options, collection, std::move(page), terminal);
  return exit_yes;
}

void add_report(CLI::App& app, const SharedOptions& shared, Invocation& invocation) {
  const auto options = std::make_shared<ReportOptions>();
  options->shared = shared;
  CLI::App* verb = app.add_subcommand("report", "tables and plots of recorded runs: md, html, svg, csv, JUnit");
  verb->add_option("runs", options->runs, "reports of compare, bench or gate (their --json)")
      ->type_name("FILE")
      ->required();
  add_text(*verb, "-o,--output", options->folder, "FOLDER", "where the files go; made where it is missing");
  verb->add_option_function<std::vector<std::string>>(
          "--format",
          [o = options.get()](const std::vector<std::string>& words) {
            for (const std::string& word : words) add_format(*o, word);
          },
          "only these, comma-separated (default: all)")
      ->type_name("md|html|svg|csv|junit")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->take_all()
      ->envname(environment_twin("--format"));
  add_text(*verb, "--since", options->since, "FILE",
           "say what changed since this report, or since this baseline of a gate");
  add_switch(*verb, "--check", options->is_check, "validate the files; without -o, nothing else");
  add_shared(*verb, options->shared);
  verb->final_callback([options, &invocation] {
    check(*options);
    invocation = {options->shared.color, [options](Terminal& terminal) { return run_report(*options, terminal); }};
  });
}

}  // namespace ringattn
