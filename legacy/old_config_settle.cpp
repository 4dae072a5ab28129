#include "config/config_json.h"
#include "legacy/class_names.h"
#include "legacy/old_config.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace ringattn::legacy {
namespace {

constexpr std::array<std::string_view, 6> kSizes{"num_heads", "heads", "embed_dim", "hidden_dim", "dim", "head_dim"};
/// What needs a GPU, or says where to compute: the released class is run without.
constexpr std::array<std::string_view, 5> kOfTheMachine{"use_flash_attention", "use_flash", "enable_memory_pool",
                                                        "device", "dtype"};

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_causality(std::string_view name) { return name == "causal" || name == "is_causal"; }

/// The class under the name whose constructor fits best; one that takes anything where the names have none.
ReleasedName name_of(const CatalogueEntry& entry, const OldParameters& old) {
  std::vector<const ReleasedName*> rows;
  for (const ReleasedName& row : released_names()) {
    if (entry_of(row) == &entry && row.name == entry.class_name) rows.push_back(&row);
  }
  std::vector<std::string> keywords;
  for (const auto& [name, value] : old.given.items()) keywords.push_back(name);
  if (rows.empty()) return {.name = entry.class_name, .alias = entry.name, .module = "", .signature = "**"};
  return *that_take(rows, 0, keywords).front();
}

/// What map_parameters knows: is_causal and head_dim were never arguments of a constructor.
Json without_call_arguments(const Json& given) {
  Json rest = Json::object();
  for (const auto& [name, value] : given.items()) {
    if (!is_causality(name) && name != "head_dim") rest[name] = value;
  }
  return rest;
}

bool is_refused_value(const MappedParameter& row) {
  const ParameterRule* rule = find_rule(row.parameter);
  return row.fate == ParameterFate::refused && rule != nullptr && rule->changes_function;
}

void say_shipped(MappedParameter& row) {
  if (!is_refused_value(row) && row.parameter != "ring_size") return;
  row.fate = ParameterFate::kept;
  row.field.clear();
  row.words = "the released class gets it; the new one has no such field";
}

void settle(MappedParameter& row, bool as_shipped) {
  if (is_one_of(row.parameter, kSizes) && row.fate == ParameterFate::dropped)
    row.words = "equal to what the workload has";
  if (as_shipped) return say_shipped(row);
  if (is_refused_value(row)) row.words += "; leave it out, or give --as-shipped, which hands it to the released class";
}

std::vector<FieldValue> fields_of(const std::vector<MappedParameter>& rows, const RingAttentionConfig& config) {
  const Json values = to_json(config);
  std::vector<FieldValue> fields;
  for (const MappedParameter& row : rows) {
    const bool is_carried = row.fate == ParameterFate::kept || row.fate == ParameterFate::renamed;
    if (is_carried && !row.field.empty()) fields.push_back({row.field, values.at(row.field).dump()});
  }
  return fields;
}

void add_call_arguments(const OldParameters& old, std::vector<MappedParameter>& rows) {
  for (const auto& [name, value] : old.given.items()) {
    if (name == "head_dim")
      rows.push_back({name, value.dump(), ParameterFate::dropped, "", "equal to what the workload has"});
    if (!is_causality(name)) continue;
    if (value.is_null()) {
      rows.push_back({name, value.dump(), ParameterFate::dropped, "", "null is as good as absent"});
      continue;
    }
    const ParameterFate fate = name == "is_causal" ? ParameterFate::kept : ParameterFate::renamed;
    rows.push_back({name, value.dump(), fate, "is_causal", "an axis of the workload: each call says it"});
  }
}

}  // namespace

SettledParameters settle_old_parameters(const CatalogueEntry& entry, const OldParameters& old, bool as_shipped) {
  MappedParameters mapped = map_parameters(name_of(entry, old), without_call_arguments(old.given));
  for (MappedParameter& row : mapped.parameters) settle(row, as_shipped);
  SettledParameters settled{
      .parameters = std::move(mapped.parameters), .fields = {}, .missing = std::move(mapped.missing)};
  settled.fields = fields_of(settled.parameters, mapped.config);
  add_call_arguments(old, settled.parameters);
  for (const auto& [name, value] : old.constructor.items()) {
    if (!is_one_of(name, kOfTheMachine) && !value.is_null()) settled.constructor[name] = value;
  }
  return settled;
}

}  // namespace ringattn::legacy
