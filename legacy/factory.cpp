#include "legacy/factory.h"

#include "config/error.h"
#include "legacy/catalogue.h"
#include "legacy/full_sequence.h"
#include "legacy/intended.h"
#include "legacy/shipped.h"

#include <array>
#include <string>

namespace ringattn::legacy {
namespace {

/// What runs behind each catalogue entry.
struct Implementation {
  std::string_view name;
  at::Tensor (*intended)(const FullInputs&, const std::vector<Pair>&, bool is_causal);
  at::Tensor (*shipped)(Communicator&, const FullInputs&, const ShippedArguments&);
};

constexpr std::array implementations{
    Implementation{"base", dilated_rows, shipped_base},
    Implementation{"v2", dilated_keys, shipped_v2},
    Implementation{"v2_collective", dilated_rows, shipped_v2_collective},
};

const Implementation& implementation_of(const CatalogueEntry& entry) {
  for (const Implementation& implementation : implementations) {
    if (implementation.name == entry.name) return implementation;
  }
  throw UsageError("old implementation: '" + std::string(entry.name) + "' is catalogued but cannot be run");
}

void check_ring_size(const LegacyOptions& options, int world_size) {
  if (!options.ring_size) return;
  const std::string field = "ring_size: " + std::to_string(*options.ring_size);
  if (!options.as_shipped) throw UsageError(field + " is an argument of the released classes; it wants as_shipped");
  if (*options.ring_size < 1) throw UsageError(field + " must be at least 1");
  if (world_size > 1 && *options.ring_size > world_size) {
    throw UsageError(field + " is larger than the world size " + std::to_string(world_size));
  }
}

}  // namespace

std::unique_ptr<Attention> make_legacy(std::string_view name, const LegacyOptions& options, std::int64_t seq_len,
                                       std::int64_t heads, bool is_causal, int world_size) {
  const CatalogueEntry& entry = find_legacy(name);
  const std::vector<Pair> pairs = pairs_from(options.segment_lengths, options.dilation_rates);
  check_ring_size(options, world_size);
  const Implementation& implementation = implementation_of(entry);
  AttentionFunction function = intended_function(entry, pairs, seq_len, heads, is_causal);
  if (options.as_shipped) {
    const ShippedArguments arguments{pairs, is_causal, options.ring_size};
    return std::make_unique<ShippedAttention>(
        std::move(function),
        [run = implementation.shipped, arguments](Communicator& communicator, const FullInputs& inputs) {
          return run(communicator, inputs, arguments);
        });
  }
  return std::make_unique<GatheredAttention>(
      std::move(function), [run = implementation.intended, pairs, is_causal](const FullInputs& inputs) {
        return run(inputs, pairs, is_causal);
      });
}

}  // namespace ringattn::legacy
