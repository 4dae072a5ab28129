#include "cli/old_config.h"
#include "config/error.h"
#include "legacy/old_config.h"

#include <fmt/format.h>

namespace ringattn {
namespace {

/// All refusals at once.
void refuse_any(const OldConfig& old) {
  std::string refused;
  for (const OldParameterRecord& row : old.parameters) {
    if (row.fate != "refused") continue;
    refused += fmt::format("{}{}: {}: {}: {}", refused.empty() ? "" : "\n", old.source, row.parameter, row.value, row.words);
  }
  if (!refused.empty()) throw UsageError(refused);
}

}  // namespace

OldConfig load_old_config(const std::string& old_name, const std::string& spec, bool as_shipped) {
  const legacy::CatalogueEntry& entry = legacy::find_legacy(old_name);
  const legacy::OldParameters given = legacy::load_old_parameters(spec, "--config");
  legacy::SettledParameters settled = legacy::settle_old_parameters(entry, given, as_shipped);
  OldConfig old{.source = spec.starts_with("{") ? "--config" : spec,
                .parameters = {},
                .overrides = {},
                .heads = given.heads,
                .head_dim = given.head_dim,
                .embed_dim = given.embed_dim,
                .ring_size = given.ring_size,
                .constructor = std::move(settled.constructor),
                .missing = std::move(settled.missing)};
  for (const legacy::MappedParameter& row : settled.parameters)
    old.parameters.push_back({row.parameter, row.value, std::string(to_string(row.fate)), row.field, row.words});
  refuse_any(old);
  old.overrides.old_config = old.source;
  old.overrides.old_fields = std::move(settled.fields);
  if (given.is_causal) old.overrides.old_axes.push_back(fmt::format("is_causal={}", *given.is_causal));
  return old;
}

}  // namespace ringattn
