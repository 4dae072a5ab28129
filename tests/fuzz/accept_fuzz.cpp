#include "compare/accept.h"
#include "fuzz.h"

namespace ringattn::fuzz {
namespace {

/// --accept FILE: each entry accepts the case that it names, until it expires.
void examine(std::string_view text) {
  const auto entries = value_or_refusal([&] { return parse_accept(text, "file"); }, "file: ");
  if (!entries) return;
  for (const AcceptEntry& entry : *entries) {
    require(!entry.case_pattern.empty() && !entry.reason.empty() && entry.expires.size() == 10, "nothing is left out");
    require(glob_matches(entry.case_pattern, entry.case_pattern), "a pattern matches itself");
    const AcceptResult result = apply_accept({entry}, {{entry.case_pattern, entry.outcome}}, entry.expires);
    require(result.all_good && result.warnings.empty(), "an entry counts on its last day");
  }
  (void)apply_accept(*entries, {{"b1/n64/h1/d8/fp32/full/k2", Outcome::match}}, "2026-01-01");
}

const Fuzzer registered("accept", examine);

}  // namespace

}  // namespace ringattn::fuzz
