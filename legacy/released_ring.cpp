#include "legacy/released.h"
#include "legacy/released_rings.h"
#include "legacy/released_support.h"

#include <array>

namespace ringattn::legacy {
namespace {

template <ReleasedCore core>
at::Tensor on_rows(Communicator& communicator, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  return core(communicator, attention_inputs(inputs), arguments);
}

constexpr std::array entries{
    ReleasedEntry{"base", on_rows<base>},
    ReleasedEntry{"base_old", on_rows<base_old>},
    ReleasedEntry{"improved", on_rows<improved>},
    ReleasedEntry{"v1", on_rows<first_ring>},
    ReleasedEntry{"v1_a", on_rows<first_ring_unguarded>},
    ReleasedEntry{"v1_a2", on_rows<first_ring_unimportable>},
    ReleasedEntry{"v1_b", on_rows<first_ring_leading_queries>},
    ReleasedEntry{"unfold", on_rows<unfold>},
    ReleasedEntry{"unfold_v2", on_rows<first_ring>},
    ReleasedEntry{"unfold_optimized", on_rows<first_ring>},
    ReleasedEntry{"optimized_root", on_rows<first_ring>},
    ReleasedEntry{"ring_mha_a", ring_multihead_first},
    ReleasedEntry{"ring_adv_dist", ring_multihead_advanced},
    ReleasedEntry{"ring_correct", on_rows<ring_correct>},
    ReleasedEntry{"ring_correct_v2", on_rows<ring_correct_v2>},
    ReleasedEntry{"true_ring", on_rows<true_ring>},
    ReleasedEntry{"simulated", on_rows<simulated_ring>},
    ReleasedEntry{"ex_true_ring", on_rows<example_true_ring>},
    ReleasedEntry{"ex_simulated", on_rows<example_simulated_ring>},
    ReleasedEntry{"v2", on_rows<ring_v2>},
    ReleasedEntry{"v2_a", on_rows<ring_v2_full>},
    ReleasedEntry{"v2_efe", on_rows<ring_v2_unreduced>},
    ReleasedEntry{"v2_corrected", on_rows<ring_v2_corrected>},
    ReleasedEntry{"v2_fixed", on_rows<ring_v2_fixed>},
    ReleasedEntry{"v2_collective", on_rows<ring_v2_collective>},
    ReleasedEntry{"v2_collective_a", on_rows<ring_v2_collective_early>},
    ReleasedEntry{"v2_flash", on_rows<ring_v2_flash>},
    ReleasedEntry{"v2_robust", on_rows<ring_v2_robust>},
    ReleasedEntry{"v2_simple", on_rows<ring_v2_simple>},
    ReleasedEntry{"ring_mha_b", ring_multihead_collective},
};

}  // namespace

std::span<const ReleasedEntry> ring_classes() { return entries; }

}  // namespace ringattn::legacy
