#pragma once

#include "config/env.h"
#include "config/preset.h"

#include <string>
#include <vector>

namespace ringattn {

/// What a command line may override.
struct Overrides {
  std::vector<std::string> axes{};  ///< NAME=SPEC, see axis.h
  std::vector<std::string> sets{};  ///< field=value, see set_field
  /// What a file of old constructor arguments says, below environment and command line.
  std::vector<FieldValue> old_fields{};
  std::vector<std::string> old_axes{};  ///< NAME=SPEC
  std::string old_config{};             ///< the file's name
};

enum class Source { preset, old_config, environment, command_line };
std::string_view to_string(Source source);

/// Where a value came from.
struct Provenance {
  std::string
      field;  ///< JSON pointer in the resolved preset: "/config/dropout", "/workload/seq_len", "/implementation"
  std::string value;  ///< as JSON
  Source source = Source::preset;
  std::string origin;  ///< "production", "RINGATTN_SET_DROPOUT", "--set dropout=0.1"
  bool operator==(const Provenance&) const = default;
};

struct Resolved {
  Preset preset;  ///< as it will run
  /// The implementation, every configuration field that isn't at its default or was overridden, and every workload
  /// axis.
  std::vector<Provenance> provenance;
};

/// Command line over environment over old arguments over preset over default, checked as a whole at the end. A dtype in the configuration
/// becomes the workload's only one. Throws UsageError.
Resolved resolve(const Preset& preset, const Env& env, const Overrides& overrides);
Resolved resolve(const std::string& preset_name, const Env& env, const Overrides& overrides);

}  // namespace ringattn
