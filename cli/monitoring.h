#pragma once

#include "cli/terminal.h"
#include "config/ring_attention_config.h"
#include "ring/ring_attention.h"

#include <string>
#include <vector>

namespace ringattn {

/// Tells of the calls that the ring has recorded, as the configuration asks: with log_communication_stats one line for
/// each rank, with enable_profiling a Chrome trace of all ranks in the file ringattn-trace-CASE.json of the working
/// folder, with compile_mode max-autotune what was tried. Then the records are empty.
void tell_of_calls(RingAttention& ring, const RingAttentionConfig& config, const std::string& case_id,
                   Terminal& terminal);

/// One sentence for each field that acts in the library's own calls and not in what verbs run.
std::vector<std::string> library_notices(const RingAttentionConfig& config);

}  // namespace ringattn
