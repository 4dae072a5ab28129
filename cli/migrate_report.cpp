#include "cli/migrate.h"
#include "report/text.h"

#include <fmt/format.h>

#include <sstream>

namespace ringattn {
namespace {

constexpr int format_version = 1;

Tone tone_of(MigrationOutcome outcome) {
  if (outcome == MigrationOutcome::preserved) return Tone::good;
  return outcome == MigrationOutcome::decide ? Tone::unsure : Tone::faint;
}

std::string indented(const std::string& text) {
  std::istringstream lines(text);
  std::string result;
  for (std::string line; std::getline(lines, line);) result += "    " + line + "\n";
  return result;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string headline(const MigratedFile& file, const Migration& migration, const TextStyle& style) {
  const PythonUse& use = migration.use;
  const MigrationOutcome outcome = migration.advice.outcome;
  return fmt::format("{}:{}:{}  {} {} ({})  {}{}\n", file.source.path.string(), use.line, use.column + 1,
                     to_string(use.kind), use.class_name, joined(migration.advice.candidates),
                     paint(to_string(outcome), tone_of(outcome), style), migration.is_written ? ", written" : "");
}

std::string use_text(const MigratedFile& file, const Migration& migration, const TextStyle& style) {
  const Advice& advice = migration.advice;
  std::string text = headline(file, migration, style);
  const auto line = [&](const std::string& words) { text += wrap("    " + words, style.width, 6) + "\n"; };
  if (advice.config) text += indented(python_text(advice));
  for (const ParameterAdvice& each : advice.parameters) {
    const std::string to = each.fate == "renamed" ? " to " + each.field : "";
    line(fmt::format("{}{}: {}={}{}", each.fate, to, each.parameter, each.value,
                     each.words.empty() ? "" : " (" + each.words + ")"));
  }
  if (advice.config && !advice.condition.empty()) line("condition: " + advice.condition);
  for (const std::string& reason : advice.reasons) line("decide: " + reason);
  return text;
}

std::string summary(const MigrationReport& report) {
  const MigrationCounts counts = count(report);
  std::string text = fmt::format("{} uses in {} files: {} preserved, {} to decide", counts.uses, counts.files,
                                 counts.preserved, counts.decide);
  if (counts.nothing > 0) text += fmt::format(", {} unused imports", counts.nothing);
  if (counts.written > 0) text += fmt::format("; {} written", counts.written);
  if (counts.unread > 0) text += fmt::format("; {} not read", counts.unread);
  if (counts.notebooks > 0) text += fmt::format("; {} notebooks not read (export them as scripts)", counts.notebooks);
  return text + "\n";
}

Json optional_text(const std::string& text) { return text.empty() ? Json() : Json(text); }

Json config_json(const Advice& advice) {
  return advice.config ? Json::parse(to_json_text_short(*advice.config)) : Json();
}

Json use_json(const Migration& migration) {
  const PythonUse& use = migration.use;
  const Advice& advice = migration.advice;
  Json arguments = Json::array(), parameters = Json::array(), expressions = Json::object();
  for (const PythonArgument& each : use.arguments) {
    arguments.push_back({{"name", each.name ? Json(*each.name) : Json()}, {"text", each.text}});
  }
  for (const ParameterAdvice& each : advice.parameters) {
    parameters.push_back({{"parameter", each.parameter},
                          {"value", each.value},
                          {"fate", each.fate},
                          {"field", optional_text(each.field)},
                          {"words", each.words}});
  }
  for (const auto& [field, text] : advice.expressions) expressions[field] = text;
  return {{"line", use.line},
          {"column", use.column + 1},
          {"kind", to_string(use.kind)},
          {"class", use.class_name},
          {"module", optional_text(use.module)},
          {"entries", advice.candidates},
          {"is_sure", use.unsure.empty() && advice.candidates.size() == 1},
          {"outcome", to_string(advice.outcome)},
          {"reasons", advice.reasons},
          {"guide_target", optional_text(advice.guide_target)},
          {"condition", optional_text(advice.condition)},
          {"arguments", std::move(arguments)},
          {"parameters", std::move(parameters)},
          {"config", config_json(advice)},
          {"expressions", std::move(expressions)},
          {"python", advice.config ? Json(python_text(advice)) : Json()},
          {"is_written", migration.is_written}};
}

Json file_json(const MigratedFile& file) {
  Json uses = Json::array();
  for (const Migration& migration : file.migrations) uses.push_back(use_json(migration));
  return {{"path", file.source.path.string()},
          {"error", optional_text(file.source.error)},
          {"problem", optional_text(file.problem)},
          {"uses", std::move(uses)}};
}

Json paths_json(const std::vector<std::filesystem::path>& paths) {
  Json list = Json::array();
  for (const std::filesystem::path& path : paths) list.push_back(path.string());
  return list;
}

}  // namespace

std::string migration_text(const MigrationReport& report, const TextStyle& style) {
  std::string text;
  for (const MigratedFile& file : report.migrated) {
    if (!file.source.error.empty()) text += file.source.path.string() + ": not read: " + file.source.error + "\n";
    for (const Migration& migration : file.migrations) text += use_text(file, migration, style);
  }
  for (const MigratedFile& file : report.migrated) text += file.diff;
  for (const std::filesystem::path& folder : report.files.unreadable) text += folder.string() + ": not read\n";
  return text + summary(report);
}

Json migration_json(const MigrationReport& report) {
  const MigrationCounts counts = count(report);
  Json files = Json::array();
  for (const MigratedFile& file : report.migrated) files.push_back(file_json(file));
  return {{"version", format_version},
          {"files", std::move(files)},
          {"notebooks", paths_json(report.files.notebooks)},
          {"unreadable", paths_json(report.files.unreadable)},
          {"counts",
           {{"files", counts.files},
            {"unread", counts.unread},
            {"uses", counts.uses},
            {"preserved", counts.preserved},
            {"decide", counts.decide},
            {"nothing", counts.nothing},
            {"written", counts.written}}}};
}

}  // namespace ringattn
