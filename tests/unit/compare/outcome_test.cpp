#include "compare/outcome.h"

#include <doctest/doctest.h>

#include <string>

namespace ringattn {
namespace {

/// Old and new right, with the same index sets.
OutcomeFacts good_facts() {
  OutcomeFacts facts;
  facts.candidate = "standard";
  facts.legacy = "v2";
  facts.candidate_function = "dilated_keys";
  facts.legacy_function = "dilated_keys";
  facts.candidate_equals_oracle = true;
  facts.legacy_equals_oracle = true;
  facts.legacy_equals_candidate = true;
  facts.index_sets_equal = true;
  return facts;
}

bool says(const OutcomeAndWords& decided, const std::string& part) {
  return decided.words.find(part) != std::string::npos;
}

TEST_CASE(
    "old and new that equal their oracles match when their index sets are equal, and are two functions when not") {
  OutcomeFacts facts = good_facts();
  CHECK(decide(facts).outcome == Outcome::match);
  CHECK(says(decide(facts), "v2 (dilated_keys) and standard (dilated_keys)"));
  facts.legacy_equals_candidate.reset();
  CHECK(decide(facts).outcome == Outcome::match);
  facts.legacy_equals_candidate = false;
  CHECK(decide(facts).outcome == Outcome::unexplained);
  facts.index_sets_equal = false;
  facts.candidate_function = "dilated";
  CHECK(decide(facts).outcome == Outcome::different_function);
  CHECK(says(decide(facts), "v2 (dilated_keys) and standard (dilated)"));
  facts.legacy_equals_candidate = true;  // by chance: the functions differ all the same
  CHECK(decide(facts).outcome == Outcome::different_function);
}

TEST_CASE("an old implementation that is right but in low precision is defective there by its rounding") {
  OutcomeFacts facts = good_facts();
  facts.legacy_equals_oracle = false;
  CHECK(decide(facts).outcome == Outcome::unexplained);
  facts.rounds_in = "BFloat16";
  CHECK(decide(facts).outcome == Outcome::old_defective);
  CHECK(says(decide(facts), "v2 rounds worse in BFloat16"));
}

TEST_CASE("a new implementation that is wrong is that first, whatever the old one does") {
  OutcomeFacts facts = good_facts();
  facts.candidate_equals_oracle = false;
  CHECK(decide(facts).outcome == Outcome::new_wrong);
  facts.legacy_raised = "RuntimeError";
  facts.legacy_equals_oracle = false;
  facts.reproducing_defect = "slot_causal";
  CHECK(decide(facts).outcome == Outcome::new_wrong);
}

TEST_CASE("a new implementation that is right at another cost than its plan's is wrong, and says where") {
  OutcomeFacts facts = good_facts();
  facts.candidate_overspends = "rank 1 sends 7 messages, its plan has 6";
  CHECK(decide(facts).outcome == Outcome::new_wrong);
  CHECK(says(decide(facts), "rank 1 sends 7 messages"));
  facts.candidate_equals_oracle = false;
  CHECK(says(decide(facts), "differs from its own oracle"));
}

TEST_CASE("an old implementation that is wrong is defective by a named defect, or unexplained") {
  OutcomeFacts facts = good_facts();
  facts.legacy_equals_oracle = false;
  facts.legacy_equals_candidate = false;
  CHECK(decide(facts).outcome == Outcome::unexplained);
  facts.reproducing_defect = "slot_causal";
  CHECK(decide(facts).outcome == Outcome::old_defective);
  CHECK(says(decide(facts), "slot_causal"));
  facts.legacy_undefined = "two threads write the same rows";
  CHECK(decide(facts).outcome == Outcome::undefined_as_shipped);
  CHECK(says(decide(facts), "two threads write the same rows"));
  facts.legacy_raised = "IndexError: 3";
  CHECK(decide(facts).outcome == Outcome::raises);
  CHECK(decide(facts).words == "v2 raises: IndexError: 3");
}

TEST_CASE("without an old implementation a right new one matches the oracle") {
  OutcomeFacts facts = good_facts();
  facts.legacy_equals_oracle.reset();
  facts.legacy_equals_candidate.reset();
  CHECK(decide(facts).outcome == Outcome::match);
  CHECK(decide(facts).words == "standard (dilated_keys) equals its oracle");
}

TEST_CASE("every outcome's word reads back") {
  for (const Outcome outcome : {Outcome::match, Outcome::different_function, Outcome::new_wrong, Outcome::old_defective,
                                Outcome::undefined_as_shipped, Outcome::unexplained, Outcome::raises})
    CHECK(outcome_from(to_string(outcome)) == outcome);
  CHECK_FALSE(outcome_from("matches").has_value());
}

}  // namespace
}  // namespace ringattn
