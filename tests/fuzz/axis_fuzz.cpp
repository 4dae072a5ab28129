#include "config/axis.h"
#include "config/config_json.h"
#include "fuzz.h"

namespace ringattn::fuzz {
namespace {

/// -a NAME=SPEC, one a line, on one workload.
void examine(std::string_view text) {
  Workload workload;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    Workload changed = workload;
    const auto name = value_or_refusal([&] { return apply_axis(changed, line, "-a"); }, "-a ");
    if (!name) continue;
    workload = changed;
    const auto values = value_or_refusal([&] { return axis_values(workload, *name); });
    require(values.has_value(), "an axis that was set has values");
  }
  if (!value_or_refusal([&] { return validate(workload), true; })) return;
  const Json json = to_json(workload);
  require(workload_from_json(JsonValue(json, "written")) == workload, "a workload is written and read back");
}

const Fuzzer registered("axis", examine);

}  // namespace

}  // namespace ringattn::fuzz
