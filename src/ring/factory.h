#pragma once

#include "ring/distributed_ring_attention.h"
#include "ring/standard_ring_attention.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ringattn {

/// What the guide's factory takes besides the configuration.
struct FactoryOptions {
  /// block_sparse: the fraction of blocks that is removed, in [0, 1), of the configuration's blocks or else of the rule
  /// local. Given, it makes "auto" choose block_sparse.
  std::optional<double> sparsity_ratio{};
  /// distributed: see ring/distributed_ring_attention.h.
  DistributedOptions distributed{};
};

/// What "auto" means, the first rule that holds: sparsity_ratio given: block_sparse; config.use_hilbert: hilbert;
/// several ranks and a DeepSpeed configuration: distributed; else standard. Other names mean themselves. Throws
/// UsageError with the nearest name for one that is unknown.
std::string resolve_implementation(const std::string& name, const RingAttentionConfig& config, int world_size,
                                   const FactoryOptions& options = {});
/// The same for names alone: "auto" is "standard".
std::string resolve_implementation(const std::string& name);

/// The configuration as the variant runs it: hilbert sets use_hilbert, block_sparse has blocks left out. For whoever
/// runs RingAttention itself. "auto" and unknown names: as resolve_implementation.
RingAttentionConfig variant_config(const std::string& implementation, RingAttentionConfig config);

/// The guide's factory: one object for each rank of the communicator, which must outlive it.
std::unique_ptr<StandardRingAttention> create_ring_attention(const std::string& implementation,
                                                             const RingAttentionConfig& config,
                                                             Communicator& communicator,
                                                             const FactoryOptions& options = {});

/// The same with a preset's configuration, of which `overrides` replaces fields ({"dropout", "0.1"}, values as JSON);
/// "auto" is the preset's own implementation where that isn't auto. UsageError as of get_preset_config and set_field.
std::unique_ptr<StandardRingAttention> create_ring_attention_from_preset(const std::string& preset,
                                                                         Communicator& communicator,
                                                                         const std::string& implementation = "auto",
                                                                         const std::vector<FieldValue>& overrides = {},
                                                                         const FactoryOptions& options = {});

/// The configuration of a preset by name, an independent copy. UsageError lists the known names.
RingAttentionConfig get_preset_config(const std::string& name);

/// A configuration of these pairs, checked; `fields` as overrides above. UsageError as of validate.
RingAttentionConfig create_ring_config(std::vector<std::int64_t> segment_lengths,
                                       std::vector<std::int64_t> dilation_rates,
                                       const std::vector<FieldValue>& fields = {});

/// Throws UsageError for what cannot run: a configuration against the rules, a function without meaning at this length,
/// a ring_size that doesn't divide world_size. Returns advice, a sentence each: the guide's divisibility rules (seq_len
/// by the largest segment and by the ranks), which nothing here needs and which balance the work.
std::vector<std::string> validate_ring_configuration(const RingAttentionConfig& config, std::int64_t seq_len,
                                                     int world_size = 1);

/// The variants by name, without "auto".
std::vector<std::string> get_available_implementations();

}  // namespace ringattn
