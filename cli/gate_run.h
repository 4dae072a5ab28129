#pragma once

#include "attention/interface.h"
#include "cli/gate_options.h"
#include "cli/terminal.h"
#include "ring/ring_attention.h"

#include <functional>
#include <memory>

namespace ringattn {

/// What is run in place of the ring, whose plan it is held to: a defect that the gate must find.
using GateStandIn = std::function<std::unique_ptr<Attention>(RingAttention&)>;

/// `ringattn gate` with something else in the ring's place; the verb itself is this without.
int run_gate(const GateOptions& options, Terminal& terminal, const GateStandIn& stand_in);

}  // namespace ringattn
