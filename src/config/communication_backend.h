#pragma once

#include "config/ring_attention_config.h"

namespace ringattn {

/// Throws Unavailable where a communication_backend is named that cannot run here, with the reason.
void check_communication(const RingAttentionConfig& config, const Capabilities& capabilities);

}  // namespace ringattn
