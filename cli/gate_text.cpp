#include "cli/gate_text.h"

#include "gate/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

namespace ringattn {
namespace {

constexpr std::size_t kShownMax = 20;

void show(std::string& text, const std::vector<CheckRecord>& checks, CheckStatus status, Tone tone,
          const TextStyle& style) {
  std::size_t shown = 0, all = 0;
  for (const CheckRecord& check : checks) {
    if (check.status != status || ++all > kShownMax) continue;
    ++shown;
    const std::string line = fmt::format("{} {}: {}", check.rule, check.id, check.words);
    text += paint(to_string(status), tone, style) + " " + wrap(line, style.width - 9, 9) + "\n";
  }
  if (all > shown) text += fmt::format("{} … and {} more\n", paint(to_string(status), tone, style), all - shown);
}

/// The commands of failing cases, the first few.
std::string repeat(const Report& report) {
  std::set<std::string> failed;
  for (const CheckRecord& check : report.checks)
    if (check.status == CheckStatus::fail) failed.insert(check.id);
  std::string text;
  std::size_t shown = 0;
  for (const CaseRecord& record : report.cases)
    if (failed.contains(record.id) && ++shown <= 3) text += "repeat: " + record.repro + "\n";
  return text;
}

}  // namespace

std::string gate_text(const Report& report, const std::vector<std::string>& updates, const TextStyle& style) {
  std::string text;
  const std::pair<CheckStatus, Tone> kinds[] = {{CheckStatus::stale, Tone::faint},
                                                {CheckStatus::fresh, Tone::faint},
                                                {CheckStatus::unsure, Tone::unsure},
                                                {CheckStatus::improved, Tone::good},
                                                {CheckStatus::fail, Tone::bad}};
  for (const auto& [status, tone] : kinds) show(text, report.checks, status, tone, style);
  text += repeat(report);
  for (const std::string& line : updates) text += line + "\n";
  for (const std::string& warning : report.warnings) text += wrap("note: " + warning, style.width, 6) + "\n";
  if (!text.empty()) text += "\n";
  for (const std::string& line : summary_lines(report)) text += line + "\n";
  if (report.interrupted) text += "interrupted; --resume goes on from the report\n";
  return text;
}

}  // namespace ringattn
