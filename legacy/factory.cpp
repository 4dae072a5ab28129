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
  at::Tensor (*intended)(const FullInputs&, const IntendedArguments&);
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

/// What is asked for that no released class had; empty: nothing.
std::string beyond_released(const AttentionFunction& function) {
  if (function.kv_heads > 0) return "kv_heads: " + std::to_string(function.kv_heads);
  if (!function.window.is_open()) return "window";
  if (!function.documents.empty()) return "documents";
  if (function.mask.kind != MaskKind::none) return "mask";
  if (function.softmax_scale) return "softmax_scale";
  if (function.dropout > 0.0) return "dropout in training";
  return "";
}

void check_released(const CatalogueEntry& entry, const AttentionFunction& function) {
  const std::string what = beyond_released(function);
  if (what.empty()) return;
  const bool is_dropout = function.dropout > 0.0;
  throw Unavailable(what + ": " + std::string(entry.class_name) + " as released " +
                    (is_dropout ? "drew its own random numbers, so no result of it can be repeated"
                                : "had no such thing, or ignored it") +
                    "; leave it out, or compare with the intended function (without as_shipped)");
}

std::unique_ptr<Attention> make_shipped(const Implementation& implementation, AttentionFunction function,
                                        const LegacyOptions& options) {
  const ShippedArguments arguments{function.pairs, function.is_causal, options.ring_size};
  return std::make_unique<ShippedAttention>(
      std::move(function),
      [run = implementation.shipped, arguments](Communicator& communicator, const FullInputs& inputs) {
        return run(communicator, inputs, arguments);
      });
}

std::unique_ptr<Attention> make_intended(const Implementation& implementation, AttentionFunction function) {
  const IntendedArguments arguments{.pairs = function.pairs,
                                    .is_causal = function.is_causal,
                                    .window = function.window,
                                    .documents = function.documents,
                                    .dropout = function.dropout,
                                    .dropout_seed = function.dropout_seed,
                                    .softmax_scale = function.softmax_scale};
  return std::make_unique<GatheredAttention>(
      std::move(function),
      [run = implementation.intended, arguments](const FullInputs& inputs) { return run(inputs, arguments); });
}

}  // namespace

std::unique_ptr<Attention> make_legacy(std::string_view name, const LegacyOptions& options, const Problem& problem,
                                       int world_size) {
  const CatalogueEntry& entry = find_legacy(name);
  const std::vector<Pair> pairs = pairs_from(options.segment_lengths, options.dilation_rates);
  check_ring_size(options, world_size);
  const Implementation& implementation = implementation_of(entry);
  AttentionFunction function = intended_function(entry, pairs, problem, options.dropout, options.softmax_scale);
  if (!options.as_shipped) return make_intended(implementation, std::move(function));
  check_released(entry, function);
  return make_shipped(implementation, std::move(function), options);
}

}  // namespace ringattn::legacy
