#include "config/axis.h"
#include "config/preset.h"
#include "config/resolve.h"
#include "fuzz.h"

#include <algorithm>
#include <set>

namespace ringattn::fuzz {
namespace {

/// Cases of a workload; capped, as axes multiply.
std::size_t cases_of(const Workload& w, std::size_t cap) {
  std::size_t count = 1;
  for (const std::size_t values :
       {w.batch.size(), w.seq_len.size(), w.heads.size(), w.head_dim.size(), w.dtype.size(), w.is_causal.size(),
        w.ranks.size(), w.kv_heads.size(), w.window.size(), w.documents.size(), w.mask.size()})
    count = std::min(cap, count * values);
  return count;
}

void check_cases(const Preset& preset) {
  constexpr std::size_t cases_max = 256;
  if (cases_of(preset.workload, cases_max) == cases_max) return;
  std::set<std::string> ids;
  for (const Case& c : expand(preset.workload)) {
    require(ids.insert(case_id(c)).second, "a case's id is unique in its workload");
    Workload again;
    for (const std::string& word : axis_words(c, true)) apply_axis(again, word, "-a");
    require(expand(again) == std::vector<Case>{c}, "axis words give their case");
    if (c.documents.count > 4096) continue;
    value_or_refusal([&] { return resolve_function(preset.config, problem_of(c, {})); });
  }
}

void examine(std::string_view text) {
  const auto preset = value_or_refusal([&] { return preset_from_json_text(text, "file"); }, "file: ");
  if (!preset) return;
  require(preset_from_json_text(to_json_text(*preset), "written") == *preset, "a preset is written and read back");
  const auto resolved = value_or_refusal([&] { return resolve(*preset, Env{}, Overrides{}); });
  if (resolved) check_cases(resolved->preset);
}

const Fuzzer registered("preset", examine);

}  // namespace

}  // namespace ringattn::fuzz
