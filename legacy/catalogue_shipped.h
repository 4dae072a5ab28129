#pragma once

#include "legacy/catalogue.h"

#include <string_view>
#include <vector>

// Lists of shipped behaviours that several entries of the catalogue share. A defect that reproduces one of them is
// named in catalogue_shipped.cpp, once for all of them.

namespace ringattn::legacy::shipped {

using Behaviours = std::vector<ShippedBehaviour>;

/// Both lists, one after the other.
Behaviours joined(Behaviours first, const Behaviours& rest);

/// On any number of ranks; in one process; on several ranks: it raises, causal or not.
Behaviours raises_always(std::string_view error, std::string_view what);
Behaviours raises_in_one_process(std::string_view error, std::string_view what);
Behaviours raises_on_several(std::string_view error, std::string_view what);

/// One process attends over heads.
Behaviours heads_mixed();
/// The same on every rank of several: the ring of the first classes fails before anything is sent, and says nothing.
Behaviours heads_mixed_everywhere();

/// Several ranks attend over the heads that each of them holds.
Behaviours own_heads_mixed_on_several();
/// One process attends over all heads and reads the keys of other positions; several ranks raise. `what`: the words
/// for masks that are not causal.
Behaviours all_heads_of_aliased_keys(std::string_view what);

/// Any number of ranks repeats keys to fill a segment's slots, and leaves pairs with w > n out.
Behaviours long_pairs_left_out();
/// One process repeats keys to fill a segment's slots, and masks by slot.
Behaviours repeated_keys();
/// Several ranks attend over the dilated whole sequence, in slot order.
Behaviours slot_order_on_several();

/// One process of a hybrid: a slot may wrap round, and causal segments after the first raise.
Behaviours hybrid_in_one_process();
/// Several ranks of HybridOptimizedV2: dilated rows attend whole chunks.
Behaviours whole_chunks_on_several();
/// A hybrid whose mask was taken for its opposite.
Behaviours hybrid_inverted();

/// One process of a class over residue classes of spans: one class alone is masked.
Behaviours first_class_masked();
/// The same, in the first span alone.
Behaviours first_span_masked();
/// Several ranks of the same: their ring pass raises.
Behaviours not_contiguous_on_several();
/// RingDilatedAttentionCorrect: both, and what comes of it where there is one head.
Behaviours span_classes_undivided();

/// Several ranks of the new API as it was released.
Behaviours keys_overwritten_on_several();

}  // namespace ringattn::legacy::shipped
