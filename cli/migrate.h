#pragma once

#include "cli/migrate_edit.h"
#include "cli/options.h"
#include "cli/python_files.h"

namespace ringattn {

/// `ringattn migrate PATH…`: which uses of old classes Python sources have, and what becomes of each.
struct MigrateOptions {
  SharedOptions shared{};
  std::vector<std::string> paths{};
  std::vector<std::string> classes{};  ///< only these; empty: all
  std::string python{};                ///< "": python3 of PATH
  bool is_write = false;
  std::string json{};  ///< file for the JSON form, "-" for stdout instead of text, "" for none
};

void add_migrate(CLI::App& app, const SharedOptions& shared, Invocation& invocation);

/// All that `migrate` found and did.
struct MigratedFile {
  PythonSource source{};
  std::vector<Migration> migrations{};
  std::string diff{};     ///< what --write changed
  std::string problem{};  ///< why --write changed nothing though it should have
};
struct MigrationReport {
  PythonFiles files{};
  std::vector<MigratedFile> migrated{};
};

struct MigrationCounts {
  std::int64_t files = 0, unread = 0, notebooks = 0, uses = 0, preserved = 0, decide = 0, nothing = 0, written = 0;
};
MigrationCounts count(const MigrationReport& report);

std::string migration_text(const MigrationReport& report, const TextStyle& style);
/// results/migration.schema.json says what is in it.
Json migration_json(const MigrationReport& report);

}  // namespace ringattn
