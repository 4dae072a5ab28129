#include "fuzz.h"
#include "report/check.h"
#include "report/json.h"
#include "report/store.h"

namespace ringattn::fuzz {
namespace {

/// A report, as `report`, `report --check` and --resume read it. Texts are compared, not values: NaN is not itself.
void examine(std::string_view text) {
  const std::string kind = kind_of_result(text);
  const auto report = value_or_refusal([&] { return report_from_json(text, "run.json"); }, "run.json: ");
  if (!report) return;
  require(kind == "report", "a report is known for one");
  const std::string written = to_json_text(*report);
  require(to_json_text(report_from_json(written, "written")) == written, "a report is written and read back");
  (void)report_problems(*report);
  const Report resumed = resume(*report, *report, "run.json");
  require(resumed.cases == report->cases || written.find("\"nan\"") != std::string::npos,
          "a run goes on with the cases that are finished");
  Report other = *report;
  other.resolved.config = Json::object({{"a~/b", 1}});
  const auto refused = value_or_refusal([&] { return resume(other, *report, "run.json"); }, "--resume run.json: ");
  require(!refused || other.resolved.config == report->resolved.config, "a run of another configuration is refused");
}

const Fuzzer registered("report", examine);

}  // namespace

}  // namespace ringattn::fuzz
