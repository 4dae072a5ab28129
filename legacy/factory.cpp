#include "legacy/factory.h"

#include "config/error.h"
#include "legacy/catalogue.h"
#include "legacy/full_sequence.h"
#include "legacy/intended.h"
#include "legacy/released.h"

#include <array>
#include <string>

namespace ringattn::legacy {
namespace {

/// What runs behind each catalogue entry.
struct Implementation {
  std::string_view name;
  at::Tensor (*intended)(const FullInputs&, const IntendedArguments&);
};

constexpr std::array implementations{
    Implementation{"base", dilated_rows},
    Implementation{"v2", dilated_keys},
    Implementation{"v2_collective", dilated_rows},
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

/// What the released class was called with; without flash attention, whose set-up raised where there is no GPU.
ReleasedArguments released_arguments(const AttentionFunction& function, const LegacyOptions& options) {
  ReleasedArguments arguments;
  arguments.segment_lengths = options.segment_lengths;
  arguments.dilation_rates = options.dilation_rates;
  arguments.is_causal = function.is_causal;
  arguments.ring_size = options.ring_size;
  arguments.constructor = {{"use_flash_attention", false}};
  return arguments;
}

std::unique_ptr<Attention> make_shipped(const CatalogueEntry& entry, AttentionFunction function,
                                        const LegacyOptions& options) {
  const ReleasedEntry* released = find_released(entry.name);
  if (released == nullptr || released->run == nullptr) {
    throw Unavailable("as_shipped: '" + std::string(entry.name) + "' cannot be run as it was released");
  }
  const ReleasedArguments arguments = released_arguments(function, options);
  return std::make_unique<ShippedAttention>(
      std::move(function), [run = released->run, arguments](Communicator& communicator, const FullInputs& inputs) {
        return run(communicator,
                   ReleasedInputs({{"query", inputs.query}, {"key", inputs.key}, {"value", inputs.value}}), arguments);
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
  return make_shipped(entry, std::move(function), options);
}

}  // namespace ringattn::legacy
