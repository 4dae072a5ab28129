#include "legacy/factory.h"

#include "config/error.h"
#include "legacy/called.h"
#include "legacy/catalogue.h"
#include "legacy/full_sequence.h"
#include "legacy/gradients.h"
#include "legacy/intended.h"
#include "legacy/raises.h"
#include "legacy/released.h"

#include <ATen/ATen.h>

#include <cmath>
#include <string>
#include <utility>

namespace ringattn::legacy {
namespace {

void check_ring_size(const LegacyOptions& options) {
  if (!options.ring_size) return;
  const std::string field = "ring_size: " + std::to_string(*options.ring_size);
  if (!options.as_shipped) throw UsageError(field + " is an argument of the released classes; it wants as_shipped");
  if (*options.ring_size < 1) throw UsageError(field + " must be at least 1");
}

/// What is asked for that no released class had; empty: nothing.
std::string beyond_released(const CatalogueEntry& entry, const AttentionFunction& function, const Json& constructor) {
  if (function.kv_heads > 0) return "kv_heads: " + std::to_string(function.kv_heads);
  if (!function.window.is_open()) return "window";
  if (!function.documents.empty()) return "documents";
  if (function.mask.kind != MaskKind::none && mask_fate(entry) == MaskFate::not_taken) return "mask";
  if (function.softmax_scale && !takes_softmax_scale(entry, constructor)) return "softmax_scale";
  if (function.dropout > 0.0) return "dropout in training";
  return "";
}

void check_released(const CatalogueEntry& entry, const AttentionFunction& function, const Json& constructor) {
  const std::string what = beyond_released(entry, function, constructor);
  if (what.empty()) return;
  const bool is_dropout = function.dropout > 0.0;
  throw Unavailable(what + ": " + std::string(entry.class_name) + " as released " +
                    (is_dropout ? "drew its own random numbers, so no result of it can be repeated"
                                : "had no such thing, or ignored it") +
                    "; leave it out, or compare with the intended function (without as_shipped)");
}

/// What the released class was called with: what its entry says, without flash attention, whose set-up raised where
/// there is no GPU, and without the pool, which needed one.
ReleasedArguments released_arguments(const CatalogueEntry& entry, const AttentionFunction& function,
                                     const LegacyOptions& options) {
  ReleasedArguments arguments;
  arguments.segment_lengths = options.segment_lengths;
  arguments.dilation_rates = options.dilation_rates;
  arguments.is_causal = function.is_causal;
  arguments.ring_size = options.ring_size;
  arguments.constructor = {{"use_flash_attention", false}, {"enable_memory_pool", false}, {"heads", function.heads}};
  if (!entry.arguments.empty()) arguments.constructor.update(Json::parse(entry.arguments));
  arguments.constructor.update(options.constructor);
  if (options.ring_size) arguments.constructor["ring_size"] = *options.ring_size;
  const auto config = arguments.constructor.find("config");
  if (config != arguments.constructor.end() && options.constructor.contains("use_hilbert"))
    (*config)["use_hilbert"] = options.constructor.at("use_hilbert");
  arguments.reports_waits = true;
  // Where the recordings are of a changed class, the change is what a machine without a GPU needs, or separate buffers
  // for a race.
  arguments.is_patched = true;
  arguments.commit = entry.commit;
  arguments.file = entry.file;
  return arguments;
}

/// The rank's rows at their places in the sequence, NaN elsewhere: rows that it did not return.
at::Tensor at_own_rows(const Communicator& communicator, const at::Tensor& local, std::int64_t n) {
  if (local.size(1) == n) return local;
  at::Tensor full = at::full({local.size(0), n, local.size(2), local.size(3)}, NAN, local.options());
  full.narrow(1, communicator.rank() * local.size(1), local.size(1)).copy_(local);
  return full;
}

/// Where several ranks raised, the recordings of a changed class are of one that was mended.
bool raises_on_several(const CatalogueEntry& entry, int ranks, bool is_causal) {
  const ShippedBehaviour* behaviour = ranks > 1 ? shipped_behaviour(entry, ranks, is_causal) : nullptr;
  return behaviour != nullptr && !behaviour->raises.empty();
}

[[noreturn]] void refuse_without_function(const CatalogueEntry& entry) {
  throw Unavailable(std::string(entry.class_name) + " (" + std::string(entry.name) +
                    ") has no intended function: " + std::string(entry.intended_why));
}

/// A mask by key goes for one by query and key.
ReleasedInputs with_mask(const ReleasedInputs& given, const at::Tensor& mask) {
  auto tensors = given.tensors();
  tensors["attention_mask"] = mask.dim() == 2 ? mask.unsqueeze(1).unsqueeze(1) : mask;
  return ReleasedInputs(std::move(tensors));
}

std::unique_ptr<Attention> make_shipped(const CatalogueEntry& entry, AttentionFunction function,
                                        const LegacyOptions& options, int world_size) {
  const ReleasedEntry* released = find_released(entry.name);
  if (released == nullptr || released->run == nullptr) {
    throw Unavailable("as_shipped: '" + std::string(entry.name) + "' cannot be run as it was released");
  }
  const std::vector<Pair> given_pairs = pairs_from(options.segment_lengths, options.dilation_rates);
  const auto run = [&entry, released, pairs = given_pairs, layers = options.layers,
                    arguments = released_arguments(entry, function, options)](Communicator& communicator,
                                                                              const FullInputs& inputs) {
    const at::Tensor& query = inputs.query;
    ReleasedArguments called = arguments;
    called.is_patched = !raises_on_several(entry, communicator.world_size(), arguments.is_causal);
    called.constructor["dim"] = query.size(3);
    ReleasedInputs given({{"query", query}, {"key", inputs.key}, {"value", inputs.value}});
    if (is_module(entry)) {
      called.constructor = module_arguments(pairs, query.size(2), query.size(3));
      called.constructor.update(arguments.constructor);
      given = module_inputs(entry, query, layers, pairs.size());
    }
    if (inputs.mask.defined() && mask_fate(entry) == MaskFate::added) given = with_mask(given, inputs.mask);
    const at::Tensor out = run_released(*released, communicator, given, called);
    if (!entry.intended && (entry.race.empty() || communicator.world_size() < entry.race_from))
      refuse_without_function(entry);
    const at::Tensor in_heads = out.dim() == 3 ? out.unflatten(-1, {query.size(2), query.size(3)}) : out;
    return at_own_rows(communicator, in_heads, inputs.seq_len());
  };
  const auto before_backward = [&entry, pairs = given_pairs, is_causal = function.is_causal, n = function.seq_len](
                                   int ranks, std::int64_t batch) {
    const ShippedGradient gradient =
        shipped_gradient(entry, {.ranks = ranks, .is_causal = is_causal, .seq_len = n, .batch = batch, .pairs = pairs});
    if (gradient.fate == GradientFate::raises)
      throw LegacyRaises(std::string(gradient.error), std::string(gradient.what));
  };
  return std::make_unique<ShippedAttention>(std::move(function), run, KeptGraphs(world_size, options.is_training),
                                            why_no_gradient(entry, world_size), before_backward);
}

/// Classes with projections of their own have no result for query, key and value alone.
void check_inputs(const CatalogueEntry& entry, const LegacyOptions& options) {
  if (!is_module(entry) || !options.layers.empty()) return;
  throw Unavailable("as_shipped: " + std::string(entry.class_name) + " (" + std::string(entry.name) +
                    ") has projections of its own, so that it has no result for query, key and value alone; give it "
                    "some (--projection identity, random or FILE.safetensors), or compare with the intended function "
                    "(without as_shipped)");
}

/// A class that raises, or has no single answer, needs no function to be held against; one that does return a value is
/// refused then.
AttentionFunction function_of(const CatalogueEntry& entry, const std::vector<Pair>& pairs, const Problem& problem,
                              const LegacyOptions& options) {
  if (!options.as_shipped || entry.intended)
    return intended_function(called_with(entry, options.constructor), pairs, problem, options.dropout,
                             options.softmax_scale);
  CatalogueEntry stand_in = entry;
  stand_in.intended = PatternAxes{};
  return intended_function(stand_in, pairs, problem, options.dropout, options.softmax_scale);
}

std::unique_ptr<Attention> make_intended(AttentionFunction function, int world_size, bool is_training) {
  const IntendedArguments arguments{.pairs = function.pairs,
                                    .is_causal = function.is_causal,
                                    .window = function.window,
                                    .documents = function.documents,
                                    .dropout = function.dropout,
                                    .dropout_seed = function.dropout_seed,
                                    .softmax_scale = function.softmax_scale};
  return std::make_unique<GatheredAttention>(
      std::move(function),
      [axes = function.axes, arguments](const FullInputs& inputs) {
        return intended_attention(inputs, axes, arguments);
      },
      world_size, is_training);
}

}  // namespace

std::unique_ptr<Attention> make_legacy(std::string_view name, const LegacyOptions& options, const Problem& problem,
                                       int world_size) {
  const CatalogueEntry& entry = find_legacy(name);
  const std::vector<Pair> pairs = pairs_from(options.segment_lengths, options.dilation_rates);
  check_ring_size(options);
  if (options.as_shipped) check_inputs(entry, options);
  AttentionFunction function = function_of(entry, pairs, problem, options);
  if (!options.as_shipped) return make_intended(std::move(function), world_size, options.is_training);
  check_released(entry, function, options.constructor);
  return make_shipped(entry, std::move(function), options, world_size);
}

}  // namespace ringattn::legacy
