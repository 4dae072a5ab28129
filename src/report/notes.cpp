#include "report/predictions.h"
#include "report/scaling.h"
#include "report/table.h"
#include "report/units.h"

#include <fmt/format.h>

#include <utility>

namespace ringattn {
namespace {

/// Notes in the order of their first case, each with the cases that it is about.
class NoteList {
 public:
  void add(const std::string& note, const std::string& case_id) {
    for (auto& [text, cases] : notes_) {
      if (text != note) continue;
      cases.push_back(case_id);
      return;
    }
    notes_.push_back({note, {case_id}});
  }

  std::vector<std::string> lines(std::size_t all_cases) const {
    std::vector<std::string> result;
    for (const auto& [text, cases] : notes_) {
      const std::string where = cases.size() == 1 ? cases.front() : fmt::format("{} cases", cases.size());
      result.push_back(cases.size() == all_cases ? text : fmt::format("{}: {}", where, text));
    }
    return result;
  }

 private:
  std::vector<std::pair<std::string, std::vector<std::string>>> notes_;
};

void note_asked_ran(NoteList& notes, const std::string& id, const std::string& implementation, const char* what,
                    const AskedRan& choice) {
  if (choice.why.empty()) return;
  notes.add(
      fmt::format("{}: {} {} was asked for, {} ran: {}", implementation, what, choice.asked, choice.ran, choice.why),
      id);
}

void note_price(NoteList& notes, const std::string& id, const ImplementationRecord& r) {
  if (!r.price || r.ranks.empty()) return;
  const auto compare = [&](const char* what, std::int64_t priced, std::int64_t measured) {
    if (priced != measured)
      notes.add(fmt::format("{}: {} is priced at {}, {} {}", r.id, what, human_count(priced), human_count(measured),
                            to_string(r.mark)),
                id);
  };
  compare("peak bytes", r.price->peak_bytes_max, peak_bytes_max(r));
  compare("bytes sent", r.price->sent_bytes_total, sent_bytes_total(r));
  compare("rows moved", r.price->rows_travelled, rows_travelled(r));
}

void note_implementation(NoteList& notes, const std::string& id, const ImplementationRecord& r) {
  note_asked_ran(notes, id, r.id, "backend", r.backend);
  note_asked_ran(notes, id, r.id, "layout", r.layout);
  note_price(notes, id, r);
}

}  // namespace

std::vector<std::string> report_notes(const Report& report) {
  NoteList notes;
  for (const CaseRecord& record : report.cases) {
    if (record.legacy) note_implementation(notes, record.id, *record.legacy);
    note_implementation(notes, record.id, record.candidate);
    if (record.covered_share < 1.0)
      notes.add(
          fmt::format("{:.3g} % of the (head, row) results see no key and are 0", 100.0 * (1.0 - record.covered_share)),
          record.id);
    for (const std::string& warning : record.warnings) notes.add("warning: " + warning, record.id);
    if (!record.accepted.empty()) notes.add("accepted: " + record.accepted, record.id);
  }
  std::vector<std::string> lines = notes.lines(report.cases.size());
  for (std::string& line : scaling_lines(report.scaling)) lines.push_back(std::move(line));
  for (const std::string& line : prediction_lines(report.predictions)) lines.push_back(line);
  for (const std::string& warning : report.warnings) lines.push_back("warning: " + warning);
  for (const SkippedRecord& skipped : report.skipped)
    lines.push_back(fmt::format("skipped {}: {}", skipped.id, skipped.reason));
  return lines;
}

std::string summary_line(const Report& report) {
  const SummaryRecord summary = summarize(report);
  std::string outcomes;
  for (const auto& [word, count] : summary.outcomes)
    outcomes += fmt::format("{}{} {}", outcomes.empty() ? ": " : ", ", count, word);
  std::string line = fmt::format("{} {}{}", summary.cases, summary.cases == 1 ? "case" : "cases", outcomes);
  if (summary.accepted > 0) line += fmt::format(" ({} accepted)", summary.accepted);
  if (summary.skipped > 0) line += fmt::format("; {} skipped", summary.skipped);
  if (report.interrupted) line += "; interrupted";
  return line;
}

}  // namespace ringattn
