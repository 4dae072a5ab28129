#include "cli/migrate.h"

#include "cli/exit_code.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/python_program.h"
#include "cli/verbs.h"
#include "config/did_you_mean.h"
#include "config/error.h"

#include <CLI/CLI.hpp>

#include <algorithm>

namespace ringattn {
namespace {

std::vector<std::string> chosen_classes(const MigrateOptions& options) {
  const std::vector<std::string> known = old_class_names();
  for (const std::string& name : options.classes) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    throw UsageError("--class: no released class was called \"" + name + "\"" + did_you_mean(name, known));
  }
  return options.classes.empty() ? known : options.classes;
}

void write(MigratedFile& file, const std::string& python) {
  try {
    file.diff = write_file(file.source, file.migrations, python);
  } catch (const RuntimeFailure& error) {
    file.problem = error.what();
  }
}

MigrationReport migrate(const MigrateOptions& options) {
  const std::vector<std::string> classes = chosen_classes(options);
  MigrationReport report{.files = find_python_files(options.paths)};
  const std::string python = find_python(options.python);
  for (PythonSource& source : find_python_uses(python, report.files.sources, classes, migration_helpers())) {
    throw_if_interrupted();
    MigratedFile file{.source = std::move(source)};
    for (const PythonUse& use : file.source.uses) file.migrations.push_back({.use = use, .advice = advise(use)});
    if (options.is_write) write(file, python);
    report.migrated.push_back(std::move(file));
  }
  return report;
}

}  // namespace

MigrationCounts count(const MigrationReport& report) {
  MigrationCounts counts;
  counts.files = static_cast<std::int64_t>(report.migrated.size());
  counts.notebooks = static_cast<std::int64_t>(report.files.notebooks.size());
  counts.unread = static_cast<std::int64_t>(report.files.unreadable.size());
  for (const MigratedFile& file : report.migrated) {
    if (!file.source.error.empty()) ++counts.unread;
    for (const Migration& migration : file.migrations) {
      ++counts.uses;
      const MigrationOutcome outcome = migration.advice.outcome;
      ++(outcome == MigrationOutcome::preserved ? counts.preserved
         : outcome == MigrationOutcome::decide  ? counts.decide
                                                : counts.nothing);
      if (migration.is_written) ++counts.written;
    }
  }
  return counts;
}

int run_migrate(const MigrateOptions& options, Terminal& terminal) {
  const MigrationReport report = migrate(options);
  show_result(terminal, options.json, json_text(migration_json(report)), migration_text(report, terminal.style()));
  bool is_written_in_full = true;
  for (const MigratedFile& file : report.migrated) {
    if (file.problem.empty()) continue;
    terminal.warn(file.problem);
    is_written_in_full = false;
  }
  const MigrationCounts counts = count(report);
  return counts.decide == 0 && counts.unread == 0 && is_written_in_full ? exit_yes : exit_no;
}

void add_migrate(CLI::App& app, const SharedOptions& shared, Invocation& invocation) {
  const auto options = std::make_shared<MigrateOptions>();
  options->shared = shared;
  CLI::App* verb =
      app.add_subcommand("migrate", "where do your Python sources use old classes, and what replaces them?");
  verb->add_option("paths", options->paths, "Python sources, or folders of them")->type_name("PATH")->required();
  verb->add_option("--class", options->classes, "only uses of this class; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false)
      ->take_all();
  add_switch(*verb, "--write", options->is_write, "replace the calls whose function is preserved");
  add_text(*verb, "--python", options->python, "PROGRAM", "the Python (3.8 or newer) that reads the sources");
  add_json(*verb, options->json);
  add_shared(*verb, options->shared);
  verb->final_callback([options, &invocation] {
    invocation = {options->shared.color, [options](Terminal& terminal) { return run_migrate(*options, terminal); }};
  });
}

}  // namespace ringattn
