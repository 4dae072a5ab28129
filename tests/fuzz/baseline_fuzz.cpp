#include "fuzz.h"
#include "gate/baseline.h"
#include "report/changes.h"

namespace ringattn::fuzz {
namespace {

/// A gate's baseline: what is the same everywhere, or what one class of hosts measured.
void examine(std::string_view text) {
  const auto facts = value_or_refusal([&] { return deterministic_from_text(text, "base.jsonl"); }, "base.jsonl");
  const auto host = value_or_refusal([&] { return host_from_text(text, "base.jsonl"); }, "base.jsonl");
  value_or_refusal([&] { return states_of_baseline(text, "base.jsonl"); }, "base.jsonl");
  if (facts) {
    const DeterministicBaseline again = deterministic_from_text(to_text(*facts), "written");
    require(again == *facts, "facts are written and read back");
    require(difference(*facts, again).empty(), "a baseline does not differ from itself");
  }
  if (host) {
    const HostBaseline again = host_from_text(to_text(*host, "class"), "written");
    require(again == *host, "a host's figures are written and read back");
    require(difference(*host, again).empty(), "a baseline does not differ from itself");
  }
}

const Fuzzer registered("baseline", examine);

}  // namespace

}  // namespace ringattn::fuzz
