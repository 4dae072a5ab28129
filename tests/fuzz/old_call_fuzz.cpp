#include "compare/old_call.h"
#include "fuzz.h"
#include "legacy/parameters.h"

namespace ringattn::fuzz {
namespace {

/// --config beside a recording: what is still known of how the old class was made and called.
void examine(std::string_view text) {
  const auto call = value_or_refusal(
      [&] { return old_call_from_json(parse_json_strict(text, "--config"), "--config", legacy::known_parameters()); },
      "--config: ");
  if (!call) return;
  require(call->constructor.is_object() && call->call.is_object(), "arguments are objects");
  require(call->segment_lengths.has_value() == call->dilation_rates.has_value(), "lists go together");
  require(!call->ranks || (*call->ranks >= 1 && *call->ranks <= 1024), "ranks keep to their bounds");
}

const Fuzzer registered("old_call", examine);

}  // namespace

}  // namespace ringattn::fuzz
