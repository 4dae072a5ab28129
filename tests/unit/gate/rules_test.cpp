#include "gate/rules.h"

#include <doctest/doctest.h>

#include <string>

namespace ringattn {
namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

CaseFacts two_ranks() {
  return {"b1/n64/h2/d8/fp32/full/k2",
          {{.own_bytes = 4096,
            .sent_bytes = 2048,
            .received_bytes = 2048,
            .messages = 1,
            .flops = 65536,
            .kernel_tiles = 2},
           {.own_bytes = 4096,
            .sent_bytes = 2048,
            .received_bytes = 2048,
            .messages = 1,
            .flops = 65536,
            .kernel_tiles = 2}}};
}

CheckRecord of_rule(const std::vector<CheckRecord>& checks, const std::string& rule) {
  for (const CheckRecord& check : checks)
    if (check.rule == rule) return check;
  return {};
}

NumericVerdict wrong_value() {
  NumericVerdict verdict;
  verdict.reason = "out differs";
  verdict.tensors.resize(1);
  verdict.tensors.back().tensor = "out";
  verdict.tensors.back().reason = "out differs";
  verdict.tensors.back().first_bad_row = 17;
  return verdict;
}

TEST_CASE("equal facts pass every rule") {
  const CaseFacts facts = two_ranks();
  for (const CheckRecord& check : check_facts(facts, &facts)) CHECK(check.status == CheckStatus::pass);
}

TEST_CASE("one extra allocated byte fails the rule of peak bytes, and no other") {
  const CaseFacts baseline = two_ranks();
  CaseFacts found = baseline;
  ++found.ranks[1].own_bytes;
  const std::vector<CheckRecord> checks = check_facts(found, &baseline);
  const CheckRecord check = of_rule(checks, "peak_bytes");
  CHECK(check.status == CheckStatus::fail);
  CHECK(check.words == "rank 1 allocates 4097 bytes above inputs and library workspace, baseline 4096: 1 more");
  CHECK(of_rule(checks, "traffic").status == CheckStatus::pass);
  CHECK(of_rule(checks, "flops").status == CheckStatus::pass);
}

TEST_CASE("one extra message fails the rule of traffic") {
  const CaseFacts baseline = two_ranks();
  CaseFacts found = baseline;
  ++found.ranks[0].messages;
  const CheckRecord check = of_rule(check_facts(found, &baseline), "traffic");
  CHECK(check.status == CheckStatus::fail);
  CHECK(check.words == "rank 0 sends 2 messages, baseline 1: 1 more");
}

TEST_CASE("fewer bytes are an improvement, but not beside more on another rank") {
  const CaseFacts baseline = two_ranks();
  CaseFacts found = baseline;
  found.ranks[0].sent_bytes -= 8;
  CHECK(of_rule(check_facts(found, &baseline), "traffic").status == CheckStatus::improved);
  found.ranks[1].sent_bytes += 8;
  CHECK(of_rule(check_facts(found, &baseline), "traffic").status == CheckStatus::fail);
}

TEST_CASE("another number of ranks fails, and no entry is new") {
  const CaseFacts baseline = two_ranks();
  CaseFacts found = baseline;
  found.ranks.pop_back();
  CHECK(of_rule(check_facts(found, &baseline), "traffic").words == "1 ranks, baseline 2");
  for (const CheckRecord& check : check_facts(found, nullptr)) CHECK(check.status == CheckStatus::fresh);
}

TEST_CASE("a wrong value fails with the place") {
  const CheckRecord check = check_numeric("case", wrong_value());
  CHECK(check.status == CheckStatus::fail);
  CHECK(check.words == "wrong value: out differs, first in row 17");
  NumericVerdict right;
  right.passed = true;
  CHECK(check_numeric("case", right).status == CheckStatus::pass);
}

TEST_CASE("one wrong exponent fails, a smaller one is an improvement") {
  const ExponentFact baseline{"ranks", "b1/n64/h2/d8/fp32/full/k*", -0.98};
  ExponentFact found = baseline;
  CHECK(check_exponent(found, &baseline).status == CheckStatus::pass);
  found.exponent = -0.979999;
  const CheckRecord check = check_exponent(found, &baseline);
  CHECK(check.status == CheckStatus::fail);
  CHECK(check.words == "bytes above inputs and library workspace grow as k^-0.979999, baseline k^-0.980000");
  found.exponent = -1.0;
  CHECK(check_exponent(found, &baseline).status == CheckStatus::improved);
  CHECK(check_exponent(found, nullptr).status == CheckStatus::fresh);
}

TEST_CASE("whole peak bytes are held to the host class") {
  const HostEntry entry{.id = "case", .peak_bytes = {100, 200}, .ratio = {}, .pairs = 0};
  CHECK(check_host_peak("case", {100, 200}, &entry).status == CheckStatus::pass);
  const CheckRecord check = check_host_peak("case", {100, 201}, &entry);
  CHECK(check.status == CheckStatus::fail);
  CHECK(contains(check.words, "rank 1 peaks at 201 bytes"));
  CHECK(contains(check.words, "baseline 200: 1 more"));
}

TEST_CASE("entries of the setting that no case produced are stale, those of others are not") {
  DeterministicBaseline known, found;
  known.cases[{"ci/standard/1", "a"}] = two_ranks();
  known.cases[{"ci/standard/1", "b"}] = two_ranks();
  known.cases[{"quick/standard/1", "c"}] = two_ranks();
  found.cases[{"ci/standard/1", "a"}] = two_ranks();
  const std::vector<CheckRecord> stale = stale_entries(known, found, "ci/standard/1");
  REQUIRE(stale.size() == 1);
  CHECK(stale[0].id == "b");
  CHECK(stale[0].status == CheckStatus::stale);
}

}  // namespace
}  // namespace ringattn
