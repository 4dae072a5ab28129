#include "cli/migrate_advice.h"

#include "config/error.h"
#include "legacy/class_names.h"
#include "legacy/parameters.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringattn {
namespace {

legacy::OldArgument old_argument(const PythonArgument& argument) {
  legacy::OldArgument result{.name = argument.name, .value = argument.value, .text = argument.text};
  for (const PythonArgument& field : argument.fields) result.fields.push_back(old_argument(field));
  return result;
}

std::vector<legacy::OldArgument> old_arguments(const PythonUse& use) {
  std::vector<legacy::OldArgument> result;
  for (const PythonArgument& argument : use.arguments) result.push_back(old_argument(argument));
  return result;
}

std::vector<const legacy::ReleasedName*> meant_by(const PythonUse& use) {
  auto rows = legacy::released_under(use.class_name, use.module);
  if (use.kind != PythonUseKind::construct) return rows;
  std::size_t positional = 0;
  std::vector<std::string> keywords;
  for (const PythonArgument& argument : use.arguments) {
    if (argument.name) {
      keywords.push_back(*argument.name);
    } else {
      ++positional;
    }
  }
  return legacy::that_take(rows, positional, keywords);
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// The short name of each candidate, once.
std::vector<std::string> short_names(const std::vector<const legacy::ReleasedName*>& rows) {
  std::vector<std::string> names;
  for (const legacy::ReleasedName* row : rows) {
    if (std::find(names.begin(), names.end(), row->alias) == names.end()) names.emplace_back(row->alias);
  }
  return names;
}

bool is_expression(const legacy::MappedParameters& mapped, const std::string& field) {
  return std::any_of(mapped.expressions.begin(), mapped.expressions.end(),
                     [&](const auto& each) { return each.first == field; });
}

bool is_known(const legacy::MappedParameters& mapped, const std::string& field,
              const std::vector<std::int64_t>& values) {
  return !values.empty() || !is_expression(mapped, field);
}

/// The configuration that preserves the class's function, or none with the reason why.
void configure(Advice& advice, const legacy::CatalogueEntry& entry, const legacy::MappedParameters& mapped) {
  const RingAttentionConfig& given = mapped.config;
  const bool lists_known = is_known(mapped, "segment_lengths", given.segment_lengths) &&
                           is_known(mapped, "dilation_rates", given.dilation_rates);
  try {
    std::vector<Pair> pairs;
    if (lists_known && !(given.segment_lengths.empty() && given.dilation_rates.empty())) {
      pairs = legacy::pairs_from(given.segment_lengths, given.dilation_rates);
    }
    const auto preserving = legacy::preserving_config(entry, pairs);
    if (!preserving) {
      advice.reasons.push_back("no configuration of the new API computes its function: " + advice.condition);
      return;
    }
    if (!lists_known && entry.lengths != legacy::LengthRule::as_given) {
      advice.reasons.emplace_back("its segment lengths count rows, r apart: as positions they are another number");
      return;
    }
    RingAttentionConfig config = given;
    config.pattern = preserving->pattern;
    if (preserving->segment_lengths != given.segment_lengths && lists_known) {
      config.segment_lengths = preserving->segment_lengths;
      config.dilation_rates = preserving->dilation_rates;
      std::erase_if(advice.expressions,
                    [](const auto& each) { return each.first == "segment_lengths" || each.first == "dilation_rates"; });
    }
    if (lists_known) validate(config);
    advice.config = std::move(config);
  } catch (const UsageError& error) {
    advice.reasons.emplace_back(error.what());
  }
}

/// Whether more arguments may come when it runs: *args, **kwargs, partial.
bool is_open(const PythonUse& use) {
  return std::any_of(use.unsure.begin(), use.unsure.end(), [](const std::string& reason) {
    return reason.ends_with("known when it runs") || reason.ends_with("may follow");
  });
}

void add_parameters(Advice& advice, const legacy::MappedParameters& mapped, bool is_complete) {
  for (const legacy::MappedParameter& each : mapped.parameters) {
    advice.parameters.push_back(
        {each.parameter, each.value, std::string(to_string(each.fate)), each.field, each.words});
    if (each.fate == legacy::ParameterFate::refused) {
      advice.reasons.push_back(fmt::format("{}={}: {}", each.parameter, each.value, each.words));
    }
  }
  if (is_complete && !mapped.missing.empty()) {
    advice.reasons.push_back("as written it raised TypeError: it lacks " + joined(mapped.missing));
  }
  advice.expressions = mapped.expressions;
}

/// Plain enough to be moved or left out: literals, names, attributes, arithmetic; no calls.
bool is_plain(const PythonArgument& argument) {
  return argument.fields.empty() && (argument.value || argument.text.find('(') == std::string::npos);
}

void describe(Advice& advice, const legacy::CatalogueEntry& entry) {
  advice.is_catalogued = true;
  advice.summary = entry.summary;
  advice.condition = legacy::condition_of(entry);
  advice.guide_target = entry.guide_target;
}

void advise_on_call(Advice& advice, const PythonUse& use, const legacy::ReleasedName& row) {
  const legacy::MappedParameters mapped = legacy::map_parameters(row, old_arguments(use));
  add_parameters(advice, mapped, !is_open(use));
  const legacy::CatalogueEntry* entry = legacy::entry_of(row);
  if (entry != nullptr ? entry->takes != legacy::Takes::qkv : row.takes_x) {
    advice.reasons.emplace_back(
        "projects its inputs itself; the new API takes query, key and value as they are, and the projections stay "
        "yours");
  }
  if (entry != nullptr && !is_open(use)) configure(advice, *entry, mapped);
  advice.carries_over = !use.is_indirect && std::all_of(use.arguments.begin(), use.arguments.end(), is_plain);
}

}  // namespace

Advice advise(const PythonUse& use) {
  Advice advice;
  const auto rows = meant_by(use);
  advice.candidates = short_names(rows);
  advice.reasons = use.unsure;
  if (advice.candidates.size() > 1) {
    advice.reasons.push_back(
        fmt::format("several released classes had this name ({}): which one is it?", joined(advice.candidates)));
  } else if (const legacy::CatalogueEntry* entry = legacy::entry_of(*rows.front())) {
    describe(advice, *entry);
  } else {
    advice.reasons.push_back(
        fmt::format("a released class ({}) without an entry in the catalogue", rows.front()->alias));
  }
  if (use.kind == PythonUseKind::import) {
    advice.outcome = MigrationOutcome::nothing;
    advice.reasons = {"imported and not used here: remove it, unless other files import it from this one"};
    return advice;
  }
  if (use.kind == PythonUseKind::construct && advice.candidates.size() == 1) advise_on_call(advice, use, *rows.front());
  if (advice.config && advice.reasons.empty()) advice.outcome = MigrationOutcome::preserved;
  return advice;
}

std::vector<std::string> old_class_names() { return legacy::released_class_names(); }

}  // namespace ringattn
