#include "config/resolve.h"
#include "fuzz.h"

namespace ringattn::fuzz {
namespace {

/// A command line and an environment over the defaults: lines "-a AXIS=SPEC", "RINGATTN_…=…" (or any other variable),
/// and "--set FIELD=VALUE".
void examine(std::string_view text) {
  constexpr std::string_view axis = "-a ", set = "--set ";
  Overrides overrides;
  std::vector<std::string> variables;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.starts_with(axis)) {
      overrides.axes.emplace_back(line.substr(axis.size()));
    } else if (line.starts_with(set)) {
      overrides.sets.emplace_back(line.substr(set.size()));
    } else {
      variables.emplace_back(line);
    }
  }
  const Preset preset{.name = "made", .config = {.pattern = {.name = PatternName::dense}}};
  const auto resolved = value_or_refusal([&] { return resolve(preset, Env::from(variables), overrides); });
  if (!resolved) return;
  require(preset_from_json_text(to_json_text(resolved->preset), "written") == resolved->preset,
          "what was resolved is written and read back");
  for (const Provenance& each : resolved->provenance)
    require(!each.field.empty() && !each.value.empty(), "a value's provenance names both");
}

const Fuzzer registered("overrides", examine);

}  // namespace

}  // namespace ringattn::fuzz
