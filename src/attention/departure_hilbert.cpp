#include "attention/departure_hilbert.h"

#include "attention/departure_edits.h"

namespace ringattn::oracle {

std::vector<Departure> hilbert_departures() {
  return {
      {.name = "place_causal",
       .summary = "causal by place along the curve instead of by position",
       .edit = see_by_place},
      {.name = "snake_causal",
       .summary = "undilated segments are causal by place along a snake instead of by position",
       .edit = see_undilated_by_snake},
      {.name = "chunk_curve_causal",
       .summary = "causal by place along Hilbert's curve through a chunk, laid over every chunk alike",
       .edit = see_by_chunk_curve},
      {.name = "chunk_triangle",
       .summary = "the own chunk's causal triangle is laid over every chunk, past and future",
       .edit = see_by_chunk_triangle,
       .wants_ranks = true},
      {.name = "first_class_causal",
       .summary = "of a dilated segment only the first residue class is causal",
       .edit = mask_first_class_only},
      {.name = "first_pair_causal", .summary = "only the first pair is causal", .edit = mask_first_pair_only},
      {.name = "reflected_keys",
       .summary = "keys and values, not queries, are gathered by a walk that leaves its grid: beyond 64 rows most are "
                  "lost, and others come often",
       .edit = reflect_keys},
      {.name = "leading_groups",
       .summary = "H/G heads for each pair, at least one while there are heads, the rest is 0; divided by nothing",
       .rewrite = lead_groups},
      {.name = "rows_undilated",
       .summary =
           "H/G heads for each pair, divided by nothing; every row of a segment is a query, and a key of its like",
       .rewrite = lead_groups_of_all_rows},
      {.name = "keys_ahead",
       .summary = "row i of a segment meets the key r·i rows after its first, beyond the segment too",
       .edit = meet_rows_ahead},
      {.name = "keys_overwritten",
       .summary = "from the first hop on, keys are overwritten by values: K = V",
       .edit = overwrite_keys,
       .wants_ranks = true},
      {.name = "other_chunks_whole",
       .summary = "chunks other than the own are seen whole, those in the future too",
       .edit = see_other_chunks_whole,
       .wants_ranks = true},
      {.name = "undivided_maximum",
       .summary = "the softmaxes of the k chunks are weighed by e^(lse - largest lse), added and not divided",
       .edit = deal_keys,
       .merge = merge_undivided_maximum,
       .wants_ranks = true},
      {.name = "counted_by_pair",
       .summary = "every chunk is counted once for each pair that is not longer than it",
       .edit = count_fitting_pairs,
       .wants_ranks = true},
  };
}

}  // namespace ringattn::oracle
