#include "ring/factory.h"

#include "config/did_you_mean.h"
#include "config/error.h"
#include "config/preset.h"
#include "ring/block_sparse_ring_attention.h"
#include "ring/hilbert_ring_attention.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace ringattn {
namespace {

using Make = std::function<std::unique_ptr<StandardRingAttention>(const RingAttentionConfig&, Communicator&,
                                                                  const FactoryOptions&)>;

struct Variant {
  std::string name;
  std::function<RingAttentionConfig(RingAttentionConfig)> config;
  Make make;
};

/// The fraction that the factory was given, of the blocks that the pattern has, else of the rule local.
std::optional<BlockSparsity> blocks_with(const std::optional<double>& sparsity_ratio, RingAttentionConfig& config) {
  if (!sparsity_ratio) return std::nullopt;
  BlockSparsity blocks = blocks_of(config.pattern);
  if (blocks.rule == BlockRule::grid)
    throw UsageError(fmt::format(
        "sparsity_ratio: {}, but the pattern's blocks have the rule grid, whose radius says what is removed",
        *sparsity_ratio));
  if (blocks.rule == BlockRule::none) blocks.rule = BlockRule::local;
  blocks.sparsity_ratio = *sparsity_ratio;
  config.pattern.blocks = {};
  return blocks;
}

/// Every variant of the guide.
const std::vector<Variant>& variants() {
  using Config = RingAttentionConfig;
  static const auto as_it_is = [](Config config) { return config; };
  static const std::vector<Variant> table{
      {"standard", as_it_is,
       [](const Config& config, Communicator& communicator, const FactoryOptions&) {
         return std::make_unique<StandardRingAttention>(config, communicator);
       }},
      {"hilbert", along_curve,
       [](const Config& config, Communicator& communicator, const FactoryOptions&) {
         return std::make_unique<HilbertRingAttention>(config, communicator);
       }},
      {"distributed", as_it_is,
       [](const Config& config, Communicator& communicator, const FactoryOptions& options) {
         return std::make_unique<DistributedRingAttention>(config, communicator, options.distributed);
       }},
      {"block_sparse", [](Config config) { return in_blocks(std::move(config)); },
       [](Config config, Communicator& communicator, const FactoryOptions& options) {
         const auto blocks = blocks_with(options.sparsity_ratio, config);
         return std::make_unique<BlockSparseRingAttention>(std::move(config), communicator, blocks);
       }},
  };
  return table;
}

const Variant& find_variant(const std::string& name) {
  for (const Variant& variant : variants()) {
    if (name == variant.name) return variant;
  }
  throw UsageError(
      fmt::format("implementation: \"{}\" is unknown{}", name, did_you_mean(name, implementation_names())));
}

void set_fields(RingAttentionConfig& config, const std::vector<FieldValue>& fields) {
  for (const FieldValue& field : fields) set_field(config, field.field, field.value, "override");
  validate(config);
}

}  // namespace

std::string resolve_implementation(const std::string& name, const RingAttentionConfig& config, int world_size,
                                   const FactoryOptions& options) {
  if (name != "auto") return find_variant(name).name;
  if (options.sparsity_ratio) return "block_sparse";
  if (config.use_hilbert) return "hilbert";
  return world_size > 1 && options.distributed.deepspeed.is_given ? "distributed" : "standard";
}

std::string resolve_implementation(const std::string& name) {
  return resolve_implementation(name, RingAttentionConfig{}, 1);
}

RingAttentionConfig variant_config(const std::string& implementation, RingAttentionConfig config) {
  return find_variant(resolve_implementation(implementation)).config(std::move(config));
}

std::unique_ptr<StandardRingAttention> create_ring_attention(const std::string& implementation,
                                                             const RingAttentionConfig& config,
                                                             Communicator& communicator,
                                                             const FactoryOptions& options) {
  const std::string name = resolve_implementation(implementation, config, communicator.world_size(), options);
  if (options.sparsity_ratio && name != "block_sparse")
    throw UsageError(fmt::format("sparsity_ratio: {} removes blocks, which \"{}\" does not have; use \"block_sparse\"",
                                 *options.sparsity_ratio, name));
  return find_variant(name).make(config, communicator, options);
}

std::unique_ptr<StandardRingAttention> create_ring_attention_from_preset(const std::string& preset,
                                                                         Communicator& communicator,
                                                                         const std::string& implementation,
                                                                         const std::vector<FieldValue>& overrides,
                                                                         const FactoryOptions& options) {
  Preset loaded = load_preset(preset, Env::read());
  set_fields(loaded.config, overrides);
  return create_ring_attention(implementation == "auto" ? loaded.implementation : implementation, loaded.config,
                               communicator, options);
}

RingAttentionConfig get_preset_config(const std::string& name) { return load_preset(name, Env::read()).config; }

RingAttentionConfig create_ring_config(std::vector<std::int64_t> segment_lengths,
                                       std::vector<std::int64_t> dilation_rates,
                                       const std::vector<FieldValue>& fields) {
  RingAttentionConfig config;
  config.segment_lengths = std::move(segment_lengths);
  config.dilation_rates = std::move(dilation_rates);
  set_fields(config, fields);
  return config;
}

std::vector<std::string> validate_ring_configuration(const RingAttentionConfig& config, std::int64_t seq_len,
                                                     int world_size) {
  if (world_size < 1) throw UsageError(fmt::format("world_size: {}, must be at least 1", world_size));
  const auto heads = std::max<std::int64_t>(1, static_cast<std::int64_t>(config.segment_lengths.size()));
  (void)make_pattern(resolve_function(config, seq_len, heads, false));
  const std::int64_t ring = config.ring_size.value_or(world_size);
  if (world_size % ring != 0)
    throw UsageError(fmt::format("ring_size: {} must divide the number of ranks, {}", ring, world_size));
  std::vector<std::string> advice;
  if (!config.segment_lengths.empty()) {
    const std::int64_t longest = *std::max_element(config.segment_lengths.begin(), config.segment_lengths.end());
    if (seq_len % longest != 0)
      advice.push_back(
          fmt::format("seq_len: {} is not divisible by the largest segment length, {}: the last segment is "
                      "shorter, and its keys are fewer",
                      seq_len, longest));
  }
  if (seq_len % ring != 0)
    advice.push_back(fmt::format(
        "seq_len: {} is not divisible by the {} ranks of a ring: the last of them have fewer rows", seq_len, ring));
  return advice;
}

std::vector<std::string> get_available_implementations() {
  std::vector<std::string> names;
  for (const Variant& variant : variants()) names.push_back(variant.name);
  return names;
}

}  // namespace ringattn
