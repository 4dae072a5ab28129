#pragma once

#include "config/json.h"
#include "legacy/class_names.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Old constructor arguments, mapped to fields of RingAttentionConfig.

namespace ringattn::legacy {

enum class ParameterFate {
  kept,     ///< a field of the same name
  renamed,  ///< a field of another name
  dropped,  ///< nothing to say any more: the function is the same without it
  refused   ///< a person must decide
};
std::string_view to_string(ParameterFate fate);

/// One argument of a call.
struct OldArgument {
  std::optional<std::string> name;    ///< none: by position
  std::optional<Json> value;          ///< none: an expression whose value is known when it runs
  std::string text{};                 ///< as written; "" where it was given as JSON
  std::vector<OldArgument> fields{};  ///< of a configuration object, by name
};

struct MappedParameter {
  std::string parameter;
  std::string value;  ///< as written, or JSON
  ParameterFate fate = ParameterFate::kept;
  std::string field;  ///< of the new configuration; "" where it has none
  std::string words;
};

struct MappedParameters {
  RingAttentionConfig config;  ///< fields whose values are known; the pattern is not set
  std::vector<MappedParameter> parameters;
  /// (field, source text) of fields that are given by an expression: by its text they carry over.
  std::vector<std::pair<std::string, std::string>> expressions;
  std::vector<std::string> missing;  ///< required parameters that the call lacks: the released class raised TypeError
};

/// By the class's signature, its unusual defaults included (dropout=0.1, three standard lists). Never throws for what
/// the arguments say: what cannot be mapped is `refused`, a misspelt name with the nearest known one.
MappedParameters map_parameters(const ReleasedName& name, const std::vector<OldArgument>& arguments);

/// From JSON: an object is by name, an array by position. UsageError for anything else.
MappedParameters map_parameters(const ReleasedName& name, const Json& arguments);

/// What becomes of a parameter of any class.
struct ParameterRule {
  std::string_view name;
  ParameterFate fate;
  std::string_view field;  ///< for kept and renamed
  std::string_view words;
  bool changes_function = false;  ///< dropped only at the class's own default, else refused
};
/// Null where no class has such a parameter.
const ParameterRule* find_rule(std::string_view parameter);
std::vector<std::string> known_parameters();

}  // namespace ringattn::legacy
