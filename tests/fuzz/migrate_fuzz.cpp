#include "cli/migrate_edit.h"
#include "fuzz.h"
#include "scanner.h"

#include <algorithm>

namespace ringattn::fuzz {
namespace {

/// Files of one folder, one behind the other.
std::vector<std::string> files_of(std::string_view text) {
  constexpr std::string_view between = "\n#---\n";
  constexpr std::size_t files_max = 4;
  std::vector<std::string> files;
  for (std::size_t end = 0; end != std::string_view::npos && files.size() < files_max;) {
    end = text.find(between);
    files.emplace_back(text.substr(0, end));
    if (end != std::string_view::npos) text.remove_prefix(end + between.size());
  }
  return files;
}

std::int64_t constructs(const PythonSource& source, const std::vector<std::string>& classes) {
  return std::count_if(source.uses.begin(), source.uses.end(), [&](const PythonUse& use) {
    return use.kind == PythonUseKind::construct &&
           std::find(classes.begin(), classes.end(), use.class_name) != classes.end();
  });
}

void check_advice(const PythonUse& use, const Advice& advice) {
  require(use.line >= 1 && use.column >= 0 && use.end_line >= use.line, "a use has a place");
  require(!advice.candidates.empty(), "a use is of a released class");
  require(advice.outcome != MigrationOutcome::preserved || advice.config.has_value(),
          "what is preserved has a configuration");
  require(advice.outcome != MigrationOutcome::decide || !advice.reasons.empty(), "what is to be decided has reasons");
  if (advice.config) require(!python_text(advice).empty(), "a configuration has words");
}

/// The rewritten text can be parsed, and has the replaced calls no more.
void check_edit(Scanner& scanner, std::vector<std::string> files, const PythonSource& source,
                const std::vector<Migration>& migrations) {
  std::vector<const Migration*> edits;
  std::vector<std::string> classes;
  for (const Migration& each : migrations) {
    if (!is_writable(source, each)) continue;
    edits.push_back(&each);
    classes.push_back(each.use.class_name);
  }
  if (edits.empty()) return;
  const EditedText edited = edit_text(files.front(), source, edits);
  require(edited.text != files.front() && !edited.diff.empty(), "an edit changes the text, and says how");
  files.front() = edited.text;
  const PythonSource again = python_source("m0.py", scanner.ask(classes, migration_helpers(), files)["files"][0]);
  require(again.error.empty(), "a rewritten source can be parsed");
  require(constructs(again, classes) == constructs(source, classes) - static_cast<std::int64_t>(edits.size()),
          "the replaced calls are gone, and no others");
}

/// Python sources, as `migrate` reads and rewrites them.
void examine(std::string_view text) {
  static Scanner scanner;
  static const std::vector<std::string> classes = old_class_names();
  const std::vector<std::string> files = files_of(text);
  const Json answer = scanner.ask(classes, migration_helpers(), files);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const PythonSource source = python_source("m" + std::to_string(i) + ".py", answer["files"][i]);
    require(source.error.empty() || source.uses.empty(), "what cannot be read has no uses");
    std::vector<Migration> migrations;
    for (const PythonUse& use : source.uses) migrations.push_back({.use = use, .advice = advise(use)});
    for (const Migration& each : migrations) check_advice(each.use, each.advice);
    if (i == 0) check_edit(scanner, files, source, migrations);
  }
}

const Fuzzer registered("migrate", examine);

}  // namespace

}  // namespace ringattn::fuzz
