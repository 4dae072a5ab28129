#include "fuzz.h"
#include "report/csv.h"
#include "report/json.h"
#include "report/page.h"
#include "report/report_suites.h"

namespace ringattn::fuzz {
namespace {

/// Everything that `report` writes of a report, whatever stands in it.
void examine(std::string_view text) {
  const auto report = value_or_refusal([&] { return report_from_json(text, "run.json"); }, "run.json: ");
  if (!report) return;
  const Collection collection = merge_reports({{"run.json", *report}});
  const auto states = states_of(collection);
  const Page page = page_of(collection, changes_between(states, states, "before.json"));
  require(!markdown_of(page).empty() && !html_of(page).empty() && !csv_of(collection).empty(), "a page has text");
  require(junit_xml(report_suites(collection)).ends_with(">\n"), "a JUnit file is complete");
  for (const Figure& figure : page.figures.shown)
    require(figure_svg(figure, true).find("=\"nan\"") == std::string::npos, "a figure has places for all its points");
}

const Fuzzer registered("page", examine);

}  // namespace

}  // namespace ringattn::fuzz
