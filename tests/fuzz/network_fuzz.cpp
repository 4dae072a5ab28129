#include "config/network.h"
#include "fuzz.h"

namespace ringattn::fuzz {
namespace {

/// The description of a network, as --network FILE reads it.
void examine(std::string_view text) {
  const auto network = value_or_refusal([&] { return network_from_json_text(text, "file"); }, "file: ");
  if (!network) return;
  require(!network->name.empty() && !network->sources.empty() && !network->flops_per_s.empty(),
          "a network has a name, sources and a rate");
  require(network->memory_gb_s > 0.0, "memory has a rate");
  for (const auto& [dtype, rate] : network->flops_per_s) require(rate > 0.0, "rates are positive");
  for (const int to : {0, 1, 1 << 20}) require(network->link(0, to).gb_s > 0.0, "links carry bytes");
}

const Fuzzer registered("network", examine);

}  // namespace

}  // namespace ringattn::fuzz
