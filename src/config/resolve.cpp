#include "config/resolve.h"

#include "config/axis.h"
#include "config/config_json.h"
#include "config/did_you_mean.h"
#include "config/error.h"

#include <algorithm>
#include <array>
#include <map>

namespace ringattn {
namespace {

struct Origin {
  Source source = Source::preset;
  std::string text;
};
/// Which override last wrote a value, by JSON pointer.
using Origins = std::map<std::string, Origin>;

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

void apply_old_config(Preset& preset, const Overrides& overrides, Origins& origins) {
  for (const std::string& axis : overrides.old_axes) {
    const std::string name = apply_axis(preset.workload, axis, overrides.old_config);
    origins["/workload/" + name] = {Source::old_config, overrides.old_config};
  }
  for (const FieldValue& field : overrides.old_fields) {
    set_field(preset.config, field.field, field.value, overrides.old_config);
    origins["/config/" + field.field] = {Source::old_config, overrides.old_config};
  }
}

void apply_environment(Preset& preset, const Env& env, Origins& origins) {
  for (const auto& [axis, spec] : env.axes) {
    const std::string variable = "RINGATTN_AXIS_" + upper(axis);
    const std::string name = apply_axis(preset.workload, axis + "=" + spec, variable);
    origins["/workload/" + name] = {Source::environment, variable};
  }
  for (const auto& [field, value] : env.fields) {
    const std::string variable = "RINGATTN_SET_" + upper(field);
    set_field(preset.config, field, value, variable);
    origins["/config/" + field] = {Source::environment, variable};
  }
}

void apply_command_line(Preset& preset, const Overrides& overrides, Origins& origins) {
  for (const std::string& axis : overrides.axes) {
    const std::string name = apply_axis(preset.workload, axis, "-a");
    origins["/workload/" + name] = {Source::command_line, "-a " + axis};
  }
  for (const std::string& text : overrides.sets) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0) {
      throw UsageError("--set " + text + ": must be FIELD=VALUE, such as dropout=0.1");
    }
    const std::string field = text.substr(0, equals);
    set_field(preset.config, field, text.substr(equals + 1), "--set");
    origins["/config/" + field] = {Source::command_line, "--set " + text};
  }
}

/// A dtype named in the configuration is the only one of the workload, and an axis that was asked for must not say
/// otherwise.
void apply_dtype(Preset& preset, Origins& origins) {
  if (!preset.config.dtype) return;
  const std::vector<Dtype> wanted{*preset.config.dtype};
  const auto asked = origins.find("/workload/dtype");
  if (asked != origins.end() && preset.workload.dtype != wanted) {
    throw UsageError("dtype: the configuration says " + std::string(to_string(wanted.front())) + ", " +
                     asked->second.text + " says otherwise; leave one of them out");
  }
  preset.workload.dtype = wanted;
  const auto named = origins.find("/config/dtype");
  if (named != origins.end()) origins["/workload/dtype"] = named->second;
}

std::vector<Provenance> trace(const Preset& preset, const Origins& origins) {
  std::vector<Provenance> list;
  const auto add = [&](const std::string& pointer, const std::string& value) {
    const auto found = origins.find(pointer);
    const Origin origin = found == origins.end() ? Origin{Source::preset, preset.name} : found->second;
    list.push_back({pointer, value, origin.source, origin.text});
  };
  add("/implementation", Json(preset.implementation).dump());
  for (const FieldValue& field : non_default_fields(preset.config)) add("/config/" + field.field, field.value);
  // A value that an override put back to its default would otherwise vanish from the record.
  for (const auto& [pointer, origin] : origins) {
    const Json full = {{"config", to_json(preset.config)}, {"workload", to_json(preset.workload)}};
    const bool listed =
        std::any_of(list.begin(), list.end(), [&, p = pointer](const Provenance& v) { return v.field == p; });
    if (!listed && pointer.starts_with("/config/")) add(pointer, full.at(Json::json_pointer(pointer)).dump());
  }
  for (const AxisInfo& axis : workload_axes()) add("/workload/" + axis.name, axis_values(preset.workload, axis.name));
  return list;
}

}  // namespace

std::string_view to_string(Source source) {
  static constexpr std::array<std::string_view, 4> names{"preset", "old_config", "environment", "command_line"};
  return names[static_cast<std::size_t>(source)];
}

Resolved resolve(const Preset& preset, const Env& env, const Overrides& overrides) {
  Resolved resolved{.preset = preset, .provenance = {}};
  Origins origins;
  apply_old_config(resolved.preset, overrides, origins);
  apply_environment(resolved.preset, env, origins);
  apply_command_line(resolved.preset, overrides, origins);
  apply_dtype(resolved.preset, origins);
  validate(resolved.preset.config);
  validate(resolved.preset.workload);
  resolved.provenance = trace(resolved.preset, origins);
  return resolved;
}

Resolved resolve(const std::string& preset_name, const Env& env, const Overrides& overrides) {
  return resolve(load_preset(preset_name, env), env, overrides);
}

}  // namespace ringattn
