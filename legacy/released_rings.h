#pragma once

#include "legacy/plain.h"
#include "legacy/released.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

// The released rings and the single-process classes that they were built on, by the short names of their recordings.
// Each takes query, key and value of all rows (batch, n, heads, dim), is called on every rank, and returns all n rows,
// or throws LegacyRaises. Facts: recordings of the original Python, and its sources at the commits named here
// (github.com/DarcStar-Solutions-Tech/dilated-attention-pytorch).

namespace ringattn::legacy {

using ReleasedCore = at::Tensor (*)(Communicator&, const FullInputs&, const ReleasedArguments&);

// --- Single-process classes (released_bases.cpp) ---

/// DilatedAttention @36c40da: dilated rows of a segment attend each other; divided by the number of pairs. Wants n %
/// max(w) == 0, every w | n and at least as many heads as pairs.
at::Tensor base(Communicator&, const FullInputs&, const ReleasedArguments&);
/// The same @416a14e: what a pair gives is divided by its own sum over all its rows; heads i·g … of pair i with its own
/// g, which overlap where g differs.
at::Tensor base_old(Communicator&, const FullInputs&, const ReleasedArguments&);
/// ImprovedDilatedAttention @36c40da: as base, but attends over the heads of a group at one position.
at::Tensor improved(Communicator&, const FullInputs&, const ReleasedArguments&);

// --- RingDilatedAttention, the first ring (released_first_ring.cpp): no generation ever returned what a ring computed
// ---

/// @27276c7, and the Optimized and Unfold subclasses: improved, on any number of ranks: the rotation looks its buffers
/// up by a wrong shape, and the error is swallowed.
at::Tensor first_ring(Communicator&, const FullInputs&, const ReleasedArguments&);
/// @4864ff9: without the fallback; r > 1 raises in one process, everything on several ranks.
at::Tensor first_ring_unguarded(Communicator&, const FullInputs&, const ReleasedArguments&);
/// @4a9b36a: the constructor raises.
at::Tensor first_ring_unimportable(Communicator&, const FullInputs&, const ReleasedArguments&);
/// @60c4ac1: keys are dilated, queries are the first rows of the segment.
at::Tensor first_ring_leading_queries(Communicator&, const FullInputs&, const ReleasedArguments&);
/// UnfoldRingDilatedAttention (unfold.py) @61cdef7: r = 1 exchanges positions and features, and raises unless w = dim.
at::Tensor unfold(Communicator&, const FullInputs&, const ReleasedArguments&);

// --- Rings simulated in one process (released_simulated.cpp). ring_size is an argument of the call or of the
// constructor ---

/// RingAttentionCorrect @25ff616: the sum of each chunk's softmax attention.
at::Tensor ring_correct(Communicator&, const FullInputs&, const ReleasedArguments&);
/// RingAttentionCorrectV2 @56bfe37: exact full attention.
at::Tensor ring_correct_v2(Communicator&, const FullInputs&, const ReleasedArguments&);
/// TrueRingDilatedAttention @56bfe37 and SimulatedRingDilatedAttention @25ff616: over heads instead of positions.
at::Tensor true_ring(Communicator&, const FullInputs&, const ReleasedArguments&);
at::Tensor simulated_ring(Communicator&, const FullInputs&, const ReleasedArguments&);
/// Their repaired copies in examples/ @7243446: over positions.
at::Tensor example_true_ring(Communicator&, const FullInputs&, const ReleasedArguments&);
at::Tensor example_simulated_ring(Communicator&, const FullInputs&, const ReleasedArguments&);

// --- RingDilatedAttentionV2 and what was derived from it (released_v2.cpp) ---

/// @ec2a06c: keys_by_segment in one process (each chunk of ⌊n/R⌋ rows alone where it simulates a ring); raises on
/// several ranks.
at::Tensor ring_v2(Communicator&, const FullInputs&, const ReleasedArguments&);
/// @56bfe37: full attention.
at::Tensor ring_v2_full(Communicator&, const FullInputs&, const ReleasedArguments&);
/// @efe3194: offsets are i, not i mod r.
at::Tensor ring_v2_unreduced(Communicator&, const FullInputs&, const ReleasedArguments&);
/// V2Corrected @1784066: on several ranks full attention, K and V passed around; zero rows that pad the last chunk
/// count.
at::Tensor ring_v2_corrected(Communicator&, const FullInputs&, const ReleasedArguments&);
/// V2Fixed @1784066: on several ranks the queries are replaced by V2's result on the rank's own rows; raises unless a
/// rank has as many rows as heads, and then exchanges the two.
at::Tensor ring_v2_fixed(Communicator&, const FullInputs&, const ReleasedArguments&);

// --- The all_gather rings (released_v2_collective.cpp) ---

/// V2Collective @3ce07ad: one process delegates to improved. A ring of R: all_gather of K and V dilated over the whole
/// sequence, rows left in slot order. With use_flash_attention its constructor raises on rank 0 without a GPU.
at::Tensor ring_v2_collective(Communicator&, const FullInputs&, const ReleasedArguments&);
/// @1784066: one process is V2.
at::Tensor ring_v2_collective_early(Communicator&, const FullInputs&, const ReleasedArguments&);
/// V2Flash @66c7fc5: V2Collective, whose constructor raises on every rank with use_flash_attention.
at::Tensor ring_v2_flash(Communicator&, const FullInputs&, const ReleasedArguments&);

// --- Two more rings that pass K and V around (released_v2_robust.cpp) ---

/// V2Robust @232c28e: queries whole, K and V dilated over the sequence, or over each chunk on several ranks.
at::Tensor ring_v2_robust(Communicator&, const FullInputs&, const ReleasedArguments&);
/// RingAttentionV2Simple @232c28e: full attention without a running maximum.
at::Tensor ring_v2_simple(Communicator&, const FullInputs&, const ReleasedArguments&);

// --- With projections, x in and x out (released_ring_multihead.cpp) ---

/// RingMultiheadDilatedAttention @27276c7: fused projection, first_ring, LayerNorm, output projection.
at::Tensor ring_multihead_first(Communicator&, const ReleasedInputs&, const ReleasedArguments&);
/// RingAdvancedDistributedDilatedAttention @4864ff9: the same around first_ring_unguarded.
at::Tensor ring_multihead_advanced(Communicator&, const ReleasedInputs&, const ReleasedArguments&);
/// RingMultiheadDilatedAttention @3b951fd: around ring_v2_collective.
at::Tensor ring_multihead_collective(Communicator&, const ReleasedInputs&, const ReleasedArguments&);

// --- What they share ---

/// Pairs of the two lists; LegacyRaises where the lists do not fit each other.
std::vector<Pair> recorded_pairs(const ReleasedArguments& arguments);
/// The checks of DilatedAttention and its relatives: n % max(w) == 0, then at least as many heads as pairs.
void require_divisible(const FullInputs& inputs, const std::vector<Pair>& pairs);

/// (rows, columns) bool: row p sees column j of a chunk that begins at position `first` iff first + j <= p. Undefined
/// unless causal.
at::Tensor chunk_visible(bool is_causal, std::int64_t rows, std::int64_t columns, std::int64_t first,
                         at::Device device);

}  // namespace ringattn::legacy
