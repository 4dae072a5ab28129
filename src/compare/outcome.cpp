#include "compare/outcome.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace ringattn {
namespace {

constexpr std::array<std::pair<Outcome, std::string_view>, 7> outcome_words{{
    {Outcome::match, "match"},
    {Outcome::different_function, "different_function"},
    {Outcome::new_wrong, "new_wrong"},
    {Outcome::old_defective, "old_defective"},
    {Outcome::undefined_as_shipped, "undefined_as_shipped"},
    {Outcome::unexplained, "unexplained"},
    {Outcome::raises, "raises"},
}};

std::string named(const std::string& id, const std::string& function) {
  return function.empty() ? id : fmt::format("{} ({})", id, function);
}

OutcomeAndWords decide_equal_functions(const OutcomeFacts& facts) {
  if (facts.legacy_equals_candidate.value_or(true)) {
    return {Outcome::match,
            fmt::format("{} and {} compute the same function, and each equals its oracle",
                        named(facts.legacy, facts.legacy_function), named(facts.candidate, facts.candidate_function))};
  }
  return {Outcome::unexplained, fmt::format("{} and {} compute the same function and each equals its oracle, yet they "
                                            "differ from each other beyond rtol and atol",
                                            facts.legacy, facts.candidate)};
}

OutcomeAndWords decide_right_candidate(const OutcomeFacts& facts) {
  if (facts.legacy_raised) return {Outcome::raises, fmt::format("{} raises: {}", facts.legacy, *facts.legacy_raised)};
  if (facts.legacy_undefined) {
    return {Outcome::undefined_as_shipped,
            fmt::format("{} has no single answer: {}", facts.legacy, *facts.legacy_undefined)};
  }
  if (!facts.legacy_equals_oracle)
    return {Outcome::match, fmt::format("{} equals its oracle", named(facts.candidate, facts.candidate_function))};
  if (*facts.legacy_equals_oracle) {
    if (facts.index_sets_equal) return decide_equal_functions(facts);
    return {Outcome::different_function,
            fmt::format("{} and {} are each right, and compute different functions",
                        named(facts.legacy, facts.legacy_function), named(facts.candidate, facts.candidate_function))};
  }
  if (facts.reproducing_defect) {
    return {Outcome::old_defective,
            fmt::format("{} differs from its own function by a defect: the oracle with \"{}\" gives its numbers",
                        facts.legacy, *facts.reproducing_defect)};
  }
  if (facts.rounds_in) {
    return {Outcome::old_defective,
            fmt::format("{} rounds worse in {} than its own formula has to; in the logic tier it is right",
                        facts.legacy, *facts.rounds_in)};
  }
  return {Outcome::unexplained,
          fmt::format("{} differs from its own function, and no catalogued defect gives its numbers",
                      named(facts.legacy, facts.legacy_function))};
}

}  // namespace

std::string_view to_string(Outcome outcome) {
  for (const auto& [value, word] : outcome_words) {
    if (value == outcome) return word;
  }
  return "unexplained";
}

std::optional<Outcome> outcome_from(std::string_view word) {
  for (const auto& [value, known] : outcome_words) {
    if (known == word) return value;
  }
  return std::nullopt;
}

OutcomeAndWords decide(const OutcomeFacts& facts) {
  if (!facts.candidate_equals_oracle) {
    return {Outcome::new_wrong, fmt::format("{} differs from its own oracle: it is wrong, whatever {} does",
                                            named(facts.candidate, facts.candidate_function), facts.legacy)};
  }
  if (!facts.candidate_overspends.empty()) {
    return {Outcome::new_wrong,
            fmt::format("{} equals its oracle but does something else than its plan: {}",
                        named(facts.candidate, facts.candidate_function), facts.candidate_overspends)};
  }
  return decide_right_candidate(facts);
}

}  // namespace ringattn
