#include "legacy/catalogue_shipped.h"

#include "legacy/catalogue_texts.h"

namespace ringattn::legacy::shipped {

Behaviours joined(Behaviours first, const Behaviours& rest) {
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

Behaviours raises_always(std::string_view error, std::string_view what) {
  return {{.causal = true, .full = true, .what = what, .raises = error}};
}

Behaviours raises_in_one_process(std::string_view error, std::string_view what) {
  return {{.ranks_max = 1, .causal = true, .full = true, .what = what, .raises = error}};
}

Behaviours raises_on_several(std::string_view error, std::string_view what) {
  return {{.ranks_min = 2, .causal = true, .full = true, .what = what, .raises = error}};
}

Behaviours heads_mixed() {
  return {{.ranks_max = 1, .causal = true, .full = true, .what = text::heads_mixed, .defects = {"head_mixing"}}};
}

Behaviours heads_mixed_everywhere() {
  return {{.causal = true,
           .full = true,
           .what = "attends over the heads of a group at one position: positions and heads are never exchanged; the "
                   "ring fails unseen before anything is sent, so every rank of several returns the same",
           .defects = {"head_mixing"}}};
}

Behaviours own_heads_mixed_on_several() {
  return {{.ranks_min = 2,
           .causal = true,
           .full = true,
           .what = "attends over heads, in groups made anew from the rank's own heads; ranks that do not divide the "
                   "heads raise",
           .defects = {"heads_split", "head_mixing"}}};
}

Behaviours all_heads_of_aliased_keys(std::string_view what) {
  const std::vector<std::string_view> defects{"pattern_ignored", "keys_aliased", "head_mixing"};
  return joined({{.ranks_max = 1, .full = true, .what = what, .defects = defects},
                 {.ranks_max = 1,
                  .causal = true,
                  .what = text::triangle_over_all_heads,
                  .defects = defects,
                  .raises = "RuntimeError"}},
                raises_on_several("RuntimeError", "the shapes of the rescaled output do not fit"));
}

Behaviours long_pairs_left_out() {
  return {{.full = true,
           .what = "keys are repeated cyclically to fill w slots; a pair with w > n gives 0",
           .defects = {"long_pairs_left_out", CyclicMultiset::name, "cyclic_queries"},
           .chunks = 1},
          {.causal = true,
           .what = text::future_by_slot,
           .defects = {"long_pairs_left_out", CyclicMultiset::name, "cyclic_queries", SlotCausal::name},
           .chunks = 1}};
}

Behaviours repeated_keys() {
  return {{.ranks_max = 1,
           .full = true,
           .what = "keys are repeated cyclically to fill w slots, so some count twice where r does not divide w",
           .defects = {CyclicMultiset::name}},
          {.ranks_max = 1,
           .causal = true,
           .what = text::future_by_slot,
           .defects = {SlotCausal::name, CyclicMultiset::name}}};
}

Behaviours slot_order_on_several() {
  return {{.ranks_min = 2,
           .full = true,
           .what = "dilates Q, K and V over the whole sequence, ignores the segments, and leaves the result rows in "
                   "slot order",
           .defects = {"sequence_dilated", "cyclic_queries", "slot_order", "keys_restart", CyclicMultiset::name}},
          {.ranks_min = 2,
           .causal = true,
           .what = "dilates Q, K and V over the whole sequence, ignores the segments, and leaves the result rows in "
                   "slot order; the triangle is by slot over the first rank's keys, and all later ones are seen",
           .defects = {"sequence_dilated", "cyclic_queries", "slot_order", "keys_restart", CyclicMultiset::name,
                       "chunk_ahead_causal"}}};
}

Behaviours hybrid_in_one_process() {
  return {{.ranks_max = 1, .full = true, .what = text::wrapped_slot, .defects = {"offset_wraps"}},
          {.ranks_max = 1,
           .causal = true,
           .what = text::later_segments_raise,
           .defects = {"offset_wraps", SlotCausal::name},
           .raises = "AttributeError"}};
}

Behaviours whole_chunks_on_several() {
  return {{.ranks_min = 2,
           .full = true,
           .what = "with r > 1 dilated rows attend whole chunks, undilated and beyond their segment"},
          {.ranks_min = 2,
           .causal = true,
           .what = "the same keys masked by position, and NaN where a row faces a chunk in its future"}};
}

Behaviours hybrid_inverted() {
  return {{.full = true, .what = text::wrapped_slot, .defects = {"offset_wraps"}},
          {.ranks_max = 1,
           .causal = true,
           .what = "the mask is inverted: rows see later slots alone, the last one NaN",
           .defects = {"offset_wraps", "later_slots"}},
          {.ranks_min = 2,
           .causal = true,
           .what = "the mask is inverted and counts slots from unlike starts; rows that see nothing of one chunk are "
                   "NaN"}};
}

Behaviours first_class_masked() {
  return {{.ranks_max = 1,
           .causal = true,
           .what = "only the first residue class is masked, and by its place along the snake",
           .defects = {"place_causal", "first_class_causal"}}};
}

Behaviours first_span_masked() {
  return {{.ranks_max = 1,
           .causal = true,
           .what = "only the first span's first residue class is masked, and by its place along the snake",
           .defects = {"place_causal", "first_class_causal", "first_pair_causal"}}};
}

Behaviours not_contiguous_on_several() {
  return raises_on_several("RuntimeError", "the ring pass hands a tensor to irecv that is not contiguous");
}

Behaviours span_classes_undivided() {
  return {{.ranks_max = 1,
           .causal = true,
           .what = "only the first residue class is masked, and by its place along the snake",
           .defects = {"classes_restart"}},
          {.ranks_min = 2,
           .full = true,
           .what = "the ring pass hands a tensor to irecv that is not contiguous, unless there is one head: then "
                   "chunks are merged without dividing, residue classes restart where chunks overlap, and rows "
                   "past all spans are NaN",
           .defects = {"classes_restart", "undivided_merge"},
           .raises = "RuntimeError"},
          {.ranks_min = 2,
           .causal = true,
           .what = "the ring pass hands a tensor to irecv that is not contiguous, unless there is one head: then "
                   "as without a mask, and NaN where a span lies in several chunks",
           .defects = {"classes_restart", "undivided_merge"},
           .raises = "RuntimeError"}};
}

Behaviours keys_overwritten_on_several() {
  return {{.ranks_min = 2, .full = true, .what = text::keys_overwritten, .defects = {"keys_overwritten"}},
          {.ranks_min = 2,
           .causal = true,
           .what = "keys are overwritten by values, and a local triangle is laid over every chunk, whatever its rank",
           .defects = {"keys_overwritten", "chunk_triangle"}}};
}

}  // namespace ringattn::legacy::shipped
