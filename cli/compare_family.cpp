#include "cli/compare_family.h"

#include "cli/compare_case.h"
#include "cli/exit_code.h"
#include "cli/explain.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/progress.h"
#include "compare/outcome.h"
#include "config/config_json.h"
#include "config/error.h"
#include "report/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace ringattn {
namespace {

/// One line of the migration table.
struct Row {
  Json entry;                                  ///< what `explain` says
  std::string pattern{};                       ///< of the configuration that ran; "" where nothing did
  std::map<std::string, int> outcomes{};       ///< cases by outcome
  std::map<std::string, std::string> words{};  ///< of the first case of each outcome
  std::string reason{};                        ///< why nothing, or not everything, ran

  /// No outcome, because there is no function that it was meant to compute.
  bool lacks_function() const { return outcomes.empty() && entry.at("axes").is_null(); }
};

std::string counts_text(const Row& row) {
  if (row.outcomes.size() == 1 && row.reason.empty()) return row.outcomes.begin()->first;
  std::string text;
  for (const auto& [outcome, count] : row.outcomes)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, outcome);
  if (!text.empty()) return text;
  return row.lacks_function() ? "no function" : "not run";
}

/// How many entries have which outcomes: "42 match, 3 no function". Each entry is counted once.
std::map<std::string, int> summary_of(const std::vector<Row>& rows) {
  std::map<std::string, int> summary;
  for (const Row& row : rows) {
    std::string outcomes;
    for (const auto& [outcome, count] : row.outcomes) outcomes += (outcomes.empty() ? "" : " + ") + outcome;
    if (outcomes.empty()) outcomes = row.lacks_function() ? "no function" : "not run";
    ++summary[outcomes];
  }
  return summary;
}

std::string summary_text(const std::vector<Row>& rows) {
  std::string text = fmt::format("\n{} old implementations: ", rows.size());
  std::string_view comma = "";
  for (const auto& [outcomes, count] : summary_of(rows)) {
    text += fmt::format("{}{} {}", comma, count, outcomes);
    comma = ", ";
  }
  return text + "\n";
}

class FamilyRun {
 public:
  FamilyRun(const CompareOptions& options, Terminal& terminal)
      : options_(options), terminal_(terminal), bench_(options.inputs, options.run.seed, options.run.timeout) {}

  int run() {
    refuse_single_options();
    const std::vector<Json> entries = explain_old(options_.legacy);
    Progress progress(terminal_, options_.run.quiet ? ProgressChoice::never : options_.run.progress,
                      static_cast<std::int64_t>(entries.size()));
    for (const Json& entry : entries) {
      if (interrupted()) break;
      progress.begin(entry.at("name").get<std::string>());
      rows_.push_back(row_of(entry, progress));
      progress.finish();
    }
    show_result(terminal_, options_.workload.json, json_text(json()), text());
    throw_if_interrupted();
    const bool all_match = std::all_of(rows_.begin(), rows_.end(), [](const Row& row) {
      return row.outcomes.size() == static_cast<std::size_t>(row.outcomes.count("match"));
    });
    return all_match ? exit_yes : exit_no;
  }

 private:
  /// What belongs to one implementation alone.
  void refuse_single_options() const {
    const auto refuse = [&](bool is_given, const char* flag) {
      if (is_given)
        throw UsageError(fmt::format("{}: --old {} names several old implementations; give it with one of them", flag,
                                     options_.legacy));
    };
    refuse(!options_.bundle.empty(), "--bundle");
    refuse(!options_.resume.empty(), "--resume");
    refuse(!options_.accept.empty(), "--accept");
    refuse(options_.pairs.has_value(), "--pairs");
    refuse(options_.with_projection, "--with-projection");
    refuse(options_.bisect, "--bisect");
  }

  Row row_of(const Json& entry, Progress& progress) {
    Row row{.entry = entry};
    if (entry.at("preserving").is_null() && !options_.as_shipped) {
      row.reason = entry.at("why").get<std::string>();
      return row;
    }
    try {
      CompareOptions options = options_;
      options.legacy = entry.at("name").get<std::string>();
      options.no_time = true;
      const CompareSetup setup = set_up_compare(options, bench_);
      row.pattern = describe(setup.config.pattern);
      const std::string key = entry.at("axes").dump() + to_json(setup.config).dump();
      const auto known = ran_.find(key);
      if (known != ran_.end() && !options_.as_shipped) {
        row.outcomes = known->second.outcomes;
        row.words = known->second.words;
        return row;
      }
      for (const Case& axes : setup.cases) add(row, axes, setup, progress);
      ran_.emplace(key, row);
    } catch (const UsageError& error) {
      row.reason = error.what();
    } catch (const Unavailable& error) {
      row.reason = error.what();
    }
    return row;
  }

  void add(Row& row, const Case& axes, const CompareSetup& setup, Progress& progress) {
    if (interrupted()) return;
    progress.detail(case_id(axes));
    try {
      add_outcome(row, axes, setup);
    } catch (const Unavailable& error) {
      const std::string why =
          setup.old != nullptr ? setup.old->undefined_as_shipped(static_cast<int>(axes.ranks)) : std::string();
      if (why.empty()) {
        row.reason = error.what();
        return;
      }
      const std::string outcome(to_string(Outcome::undefined_as_shipped));
      ++row.outcomes[outcome];
      row.words.emplace(outcome, fmt::format("{}: {}; {}", case_id(axes), why, error.what()));
    }
  }

  void add_outcome(Row& row, const Case& axes, const CompareSetup& setup) {
    ExamineOptions examining{.with_time = false, .pass = options_.backward ? Pass::both : Pass::forward};
    if (options_.rtol) examining.tolerance = Tolerance{.rtol = *options_.rtol, .atol = *options_.atol};
    bench_.allow_for(setup.cases);
    const CaseRecord record = examine_setup(axes, setup, bench_, examining).record;
    const std::string outcome(to_string(*record.outcome));
    ++row.outcomes[outcome];
    row.words.emplace(outcome, fmt::format("{}: {}", record.id, record.words));
  }

  Json json() const {
    Json list = Json::array();
    for (const Row& row : rows_)
      list.push_back({{"name", row.entry.at("name")},
                      {"class", row.entry.at("class")},
                      {"guide_target", row.entry.at("guide_target")},
                      {"preserving", row.entry.at("preserving")},
                      {"condition", row.entry.at("condition")},
                      {"pattern", row.pattern},
                      {"outcomes", row.outcomes},
                      {"words", row.words},
                      {"reason", row.reason}});
    return {{"old", options_.legacy},
            {"as_shipped", options_.as_shipped},
            {"summary", summary_of(rows_)},
            {"entries", std::move(list)}};
  }

  std::string text() const {
    const std::vector<Column> columns{{"old", false}, {"pattern of the new one", false}, {"outcome", false}};
    std::vector<std::vector<Cell>> cells;
    std::string remarks;
    for (const Row& row : rows_) {
      const auto at = [&](const char* key) { return row.entry.at(key).get<std::string>(); };
      cells.push_back({{at("name")}, {row.pattern.empty() ? "none" : row.pattern}, {counts_text(row)}});
      if (!row.reason.empty()) remarks += fmt::format("{}: {}\n", at("name"), row.reason);
      for (const auto& [outcome, words] : row.words)
        if (outcome != "match") remarks += fmt::format("{}: {}: {}\n", at("name"), outcome, words);
    }
    return render_table(columns, cells, terminal_.style()) + summary_text(rows_) +
           (remarks.empty() ? "" : "\n" + remarks);
  }

  const CompareOptions& options_;
  Terminal& terminal_;
  Workbench bench_;
  std::vector<Row> rows_;
  std::map<std::string, Row> ran_;
};

}  // namespace

int run_compare_family(const CompareOptions& options, Terminal& terminal) { return FamilyRun(options, terminal).run(); }

}  // namespace ringattn
