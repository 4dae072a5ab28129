#pragma once

#include "cli/python_uses.h"
#include "config/ring_attention_config.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ringattn {

/// What is to be done about a use.
enum class MigrationOutcome {
  preserved,  ///< the new configuration computes what the class was meant to, and nothing is unsure
  decide,     ///< a person must decide; the reasons say what
  nothing     ///< an import that the file does nothing with
};
std::string_view to_string(MigrationOutcome outcome);

/// What becomes of one argument (legacy/parameters.h).
struct ParameterAdvice {
  std::string parameter, value, fate, field, words;
};

struct Advice {
  MigrationOutcome outcome = MigrationOutcome::decide;
  std::vector<std::string> candidates{};  ///< short names of the released classes that are meant, one where it is sure
  bool is_catalogued = false;             ///< `summary`, `condition` and `guide_target` are there
  std::string summary{}, condition{}, guide_target{};
  std::vector<ParameterAdvice> parameters{};
  std::optional<RingAttentionConfig> config{};  ///< that preserves the function; without what `expressions` say
  std::vector<std::pair<std::string, std::string>> expressions{};  ///< (field, source text)
  std::vector<std::string> reasons{};
  bool carries_over = false;  ///< the call can be replaced by its text: no argument was read from elsewhere
};

Advice advise(const PythonUse& use);

/// Every released class name. Throws Unavailable in a build without the old implementations.
std::vector<std::string> old_class_names();

/// The configuration as Python: fields in their order, those with an expression by its text.
struct PythonField {
  std::string name, value;
  bool in_guide = true;
};
std::vector<PythonField> python_fields(const Advice& advice);
/// "config = RingAttentionConfig(…)" over several lines, and the call of the factory.
std::string python_text(const Advice& advice);
/// The same as one expression: what --write puts in the place of the call.
std::string python_expression(const Advice& advice);

}  // namespace ringattn
