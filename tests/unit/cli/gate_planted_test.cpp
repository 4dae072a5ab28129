#include "cli/gate_case.h"
#include "gate/rules.h"
#include "tests/unit/cli/defective.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

// Defects planted into a ring that is otherwise the real one, driven through what `ringattn gate` calls.

namespace ringattn {
namespace {

using test::Deed;
using test::Defective;

constexpr std::int64_t kSeqLen = 64;

Case one_case(std::int64_t ranks, std::int64_t seq_len = kSeqLen) {
  return {.batch = 1, .seq_len = seq_len, .heads = 2, .head_dim = 8, .dtype = Dtype::fp32, .ranks = ranks};
}

RingAttentionConfig dense() {
  RingAttentionConfig config;
  config.pattern.name = PatternName::dense;
  return config;
}

/// What the gate says about one case in which `deed` is done, against a baseline without it.
std::vector<CheckRecord> gate(const Case& axes, const std::function<Deed(RingAttention&)>& make) {
  Workbench bench(InputOptions{}, 42, std::chrono::seconds(20));
  RingAttention ring(dense(), bench.problem(axes), static_cast<int>(axes.ranks));
  const GateSubject right{"standard", dense(), ring};
  const CaseFacts baseline = facts_of(examine_for_gate(axes, right, bench), ring, bench);
  Defective defective(ring, make(ring));
  const CaseRecord record = examine_for_gate(axes, {"standard", dense(), ring, &defective}, bench);
  std::vector<CheckRecord> checks = check_facts(facts_of(record, ring, bench), &baseline);
  checks.push_back(check_numeric(record.id, *record.candidate_against_oracle));
  return checks;
}

/// The one rule that fails.
CheckRecord only_failure(const std::vector<CheckRecord>& checks) {
  CheckRecord failure;
  int failures = 0;
  for (const CheckRecord& check : checks) {
    CHECK_MESSAGE((check.status == CheckStatus::pass || check.status == CheckStatus::fail), check.words);
    if (check.status != CheckStatus::fail) continue;
    failure = check;
    ++failures;
  }
  CHECK(failures == 1);
  return failure;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("nothing planted: every rule passes") {
  for (const std::int64_t ranks : {1, 2, 3}) {
    const auto checks =
        gate(one_case(ranks), [](RingAttention&) { return [](Communicator&, const RankInputs&, Partial&) {}; });
    for (const CheckRecord& check : checks) CHECK_MESSAGE(check.status == CheckStatus::pass, check.words);
  }
}

TEST_CASE("one extra allocated byte on one rank fails") {
  for (const std::int64_t ranks : {1, 2}) {
    const auto checks = gate(one_case(ranks), test::one_byte_more);
    const CheckRecord failure = only_failure(checks);
    CHECK(failure.rule == "peak_bytes");
    CHECK(failure.words.starts_with("rank 0 allocates "));
    CHECK(contains(failure.words, ": 1 more"));
  }
}

TEST_CASE("one extra message fails") {
  const auto checks = gate(one_case(2), test::one_message_more);
  const CheckRecord failure = only_failure(checks);
  CHECK(failure.rule == "traffic");
  CHECK(contains(failure.words, "rank 0 sends 2 messages, baseline 1: 1 more"));
}

TEST_CASE("one wrong value fails") {
  const auto checks = gate(one_case(2), test::one_wrong_value);
  const CheckRecord failure = only_failure(checks);
  CHECK(failure.rule == "numeric");
  CHECK(failure.words.starts_with("wrong value: "));
  CHECK(contains(failure.words, "35"));  // row 3 of rank 1 of 2
}

/// Growth of the own bytes over 2, 4 and 8 ranks; the defective one keeps a copy of all keys on each.
ExponentFact growth_over_ranks(bool whole_sequence) {
  std::vector<GrowthPoint> points;
  for (const std::int64_t ranks : {2, 4, 8}) {
    const Case axes = one_case(ranks);
    Workbench bench(InputOptions{}, 42, std::chrono::seconds(20));
    RingAttention ring(dense(), bench.problem(axes), static_cast<int>(ranks));
    const Deed nothing = [](Communicator&, const RankInputs&, Partial&) {};
    Defective defective(ring, whole_sequence ? test::whole_sequence_kept(ring) : nothing);
    const CaseRecord record = examine_for_gate(axes, {"standard", dense(), ring, &defective}, bench);
    points.push_back(growth_point(record, facts_of(record, ring, bench)));
  }
  const std::vector<ExponentFact> facts = fit_exponents(points);
  REQUIRE(facts.size() == 1);
  return facts[0];
}

TEST_CASE("a wrong exponent fails: a rank that keeps the whole sequence") {
  const ExponentFact right = growth_over_ranks(false), wrong = growth_over_ranks(true);
  CHECK(check_exponent(growth_over_ranks(false), &right).status == CheckStatus::pass);
  const CheckRecord check = check_exponent(wrong, &right);
  CHECK(check.status == CheckStatus::fail);
  CHECK(check.rule == "exponent");
  CHECK(contains(check.words, "bytes above inputs and library workspace grow as k^-0."));
  CHECK(contains(check.words, ", baseline k^-"));
}

}  // namespace
}  // namespace ringattn
