#pragma once

#include "ring/standard_ring_attention.h"

#include <memory>
#include <string>

namespace ringattn {

/// The guide's factory. `implementation`: "standard", or "auto", which chooses it. The other variants of the guide are
/// known names that this version does not run: Unavailable. Any other name: UsageError with the nearest known one.
std::unique_ptr<StandardRingAttention> create_ring_attention(const std::string& implementation,
                                                             const RingAttentionConfig& config,
                                                             Communicator& communicator);

/// The configuration of a preset by name, an independent copy. UsageError lists the known names.
RingAttentionConfig get_preset_config(const std::string& name);

/// The implementation that `name` means here ("auto" is "standard"); throws as create_ring_attention does.
std::string resolve_implementation(const std::string& name);

}  // namespace ringattn
