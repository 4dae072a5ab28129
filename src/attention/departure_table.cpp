#include "attention/departure_edits.h"
#include "attention/departure_hilbert.h"
#include "config/error.h"

#include <string>

namespace ringattn::oracle {

namespace {

/// The rings and hybrids.
// NOLINTNEXTLINE(readability-function-size): a table
std::vector<Departure> ring_departures() {
  return {
      {.name = SlotCausal::name,
       .summary = "causal triangle over slots (query slot a sees key slots b <= a) instead of positions",
       .edit = see_by_slot},
      {.name = CyclicMultiset::name,
       .summary = "dilated keys repeated cyclically to the segment's length, some counted more often",
       .edit = repeat_keys},
      {.name = "head_mixing",
       .summary = "attention over the heads of a group at one position: positions and heads were never exchanged",
       .edit = mix_heads_of_block},
      {.name = "head_mixing_by_row",
       .summary = "attention over heads at one position; causal: row p sees the heads up to number p",
       .edit = mix_heads_by_row},
      {.name = "features_swapped",
       .summary = "r = 1: positions and features change places on the way in, so that heads attend heads feature by "
                  "feature",
       .edit = swap_features},
      {.name = "heads_swapped",
       .summary = "r > 1: results are written with heads and features exchanged",
       .edit = swap_heads_of_results},
      {.name = "mask_ignored", .summary = "the attention mask of the call is ignored", .rewrite = ignore_mask},
      {.name = "mask_added_as_number",
       .summary = "a boolean mask is added to the scores as 0 and 1",
       .rewrite = add_mask_as_number},
      {.name = "softmax_scale_ignored",
       .summary = "the softmax scale that was asked for is ignored",
       .rewrite = ignore_scale},
      {.name = "tail_undilated",
       .summary = "what remains after whole segments attends itself undilated",
       .rewrite = leave_tail_dense},
      {.name = "pattern_ignored",
       .summary = "segments and dilation are ignored: full attention",
       .rewrite = ignore_pattern},
      {.name = "causality_ignored", .summary = "the causal mask is ignored", .rewrite = ignore_causality},
      {.name = "pattern_filled",
       .summary = "segments and dilation are ignored: full attention by head groups",
       .rewrite = fill_pattern},
      {.name = "sequence_dilated",
       .summary =
           "segments are ignored: dilated rows of the whole sequence attend each other, by head groups, undivided",
       .rewrite = dilate_sequence},
      {.name = "last_groups_larger",
       .summary = "the heads that the pairs do not divide go to the last groups, one each",
       .rewrite = give_last_groups_more},
      {.name = "last_group_takes_rest",
       .summary = "the heads that the pairs do not divide go to the last group",
       .rewrite = give_last_group_rest},
      {.name = "not_divided",
       .summary = "the result is not divided by the number of head groups",
       .rewrite = skip_division},
      {.name = "long_pairs_left_out",
       .summary = "pairs with a segment longer than the sequence are left out",
       .edit = leave_out_long_pairs},
      {.name = "offset_wraps",
       .summary = "slot j of a segment of l rows is row (j r + o) mod l, which may lie in another residue class",
       .rewrite = keep_segments_whole,
       .edit = wrap_offsets},
      {.name = "offset_not_reduced",
       .summary = "dilation starts at row i, the pair's number, instead of i mod r",
       .edit = start_at_pair_number},
      {.name = "last_slot_dropped",
       .summary = "only the first floor(l / r) dilated rows of l are used",
       .edit = drop_last_slot},
      {.name = "leading_queries",
       .summary = "queries are the leading rows of a segment, keys its dilated ones",
       .edit = lead_with_queries},
      {.name = "keys_aliased",
       .summary = "row p r mod n, r of the first pair, stands in for key and value p",
       .edit = alias_keys},
      {.name = "class_of_position",
       .summary = "keys are the query's own residue class by position in the sequence, not in the segment",
       .edit = take_class_of_position},
      {.name = "counted_by_queries",
       .summary = "causal: a key counts once for each query of the segment that may see it, and for all of them",
       .edit = count_keys_by_queries},
      {.name = "counted_by_later_queries",
       .summary = "causal: a key counts once for each query of the segment at or after it",
       .edit = count_seen_keys_by_queries},
      {.name = "rows_by_position",
       .summary = "queries are the rows of a residue class by position in the sequence, not in the segment",
       .edit = take_rows_by_position},
      {.name = "cyclic_queries",
       .summary = "dilated queries repeated cyclically to the segment's length",
       .edit = repeat_queries},
      {.name = "slot_order",
       .summary = "result rows stay in slot order instead of going back to the rows of their queries",
       .edit = leave_in_slot_order},
      {.name = "later_slots",
       .summary = "the causal mask is inverted: slots see later ones alone, and a row that sees none is NaN",
       .edit = see_later_slots,
       .merge = merge_nan_if_hidden},
      {.name = "slots_up_to_row", .summary = "causal: row p sees key slots b <= p", .edit = see_slots_up_to_row},
      {.name = "first_segment_causal", .summary = "causal in the first segment alone", .edit = mask_first_segment},
      {.name = "first_segment_causal_where_dilated",
       .summary = "causal in the first segment alone where r > 1",
       .edit = mask_first_segment_where_dilated},
      {.name = "heads_restart",
       .summary = "pair i takes the heads from i g on, g the size of its own group",
       .edit = restart_heads},
      {.name = "divided_by_sum",
       .summary = "each pair's result is divided by its sum over all rows",
       .finish = divide_by_sum},
      {.name = "chunks_apart",
       .summary = "each of k chunks is attended for itself, the rows that remain being 0",
       .edit = attend_apart,
       .wants_ranks = true},
      {.name = "heads_split",
       .summary = "each rank cuts its own H / k heads into groups",
       .edit = split_heads_by_rank,
       .wants_ranks = true},
      {.name = "rows_restart",
       .summary = "each rank takes the rows that the function takes of a sequence of n / k rows, which meet their like "
                  "in every chunk",
       .edit = restart_rows,
       .wants_ranks = true},
      {.name = "keys_restart",
       .summary = "dilation starts anew in each rank's chunk of keys",
       .edit = restart_keys,
       .wants_ranks = true},
      {.name = "classes_restart",
       .summary = "residue classes are counted anew from where a segment begins in each chunk, and only the first of "
                  "them is causal",
       .edit = restart_classes},
      {.name = "chunk_slot_causal",
       .summary = "causal: row p sees the slots b of the chunk from row f on where f + b <= p",
       .edit = see_chunk_slots,
       .wants_ranks = true},
      {.name = "chunk_ahead_causal",
       .summary =
           "causal: slot a sees the slots b of the chunk from row f on where b <= a + f: all chunks but the first",
       .edit = see_slots_before_chunk,
       .wants_ranks = true},
      {.name = "padding_counted",
       .summary = "rows of zeros that fill the last chunk count as keys",
       .edit = deal_padded_keys,
       .wants_ranks = true},
      {.name = "no_maximum",
       .summary = "no maximum is subtracted before e^s, which overflows in fp32 above 88.7",
       .edit = deal_keys,
       .merge = merge_without_maximum,
       .wants_ranks = true},
      {.name = "chunk_sum",
       .summary = "the softmaxes of the k chunks are added and not divided; NaN where a chunk lies in the future",
       .edit = deal_keys,
       .merge = merge_sum,
       .wants_ranks = true},
      {.name = "short_chunks_left_out",
       .summary = "pairs count nothing in chunks that have fewer rows than their segments",
       .edit = leave_out_short_chunks,
       .wants_ranks = true},
      {.name = "chunk_average",
       .summary = "the softmaxes of the k chunks are averaged with equal weights, a chunk in the future counting 0",
       .edit = deal_keys,
       .merge = merge_average,
       .wants_ranks = true},
      {.name = "divided_by_lse",
       .summary = "the chunks' sum is carried on with the logsumexp in place of the maximum, and divided by it instead "
                  "of its exponential",
       .edit = deal_keys,
       .merge = merge_divided_by_lse,
       .wants_ranks = true},
      {.name = "divided_by_exp_lse",
       .summary = "the chunks' sum is divided by e^lse although the maximum was never put back",
       .edit = deal_keys,
       .merge = merge_divided_by_exp_lse,
       .wants_ranks = true},
      {.name = "undivided_merge",
       .summary = "the chunks' results are added by their softmax denominators and never divided by the whole; NaN "
                  "where a chunk lies in the future",
       .edit = deal_keys,
       .merge = merge_undivided,
       .wants_ranks = true},
      {.name = "unnormalised_merge",
       .summary = "the chunks' sums are merged as if they had been normalised",
       .edit = deal_keys,
       .merge = merge_unnormalised,
       .wants_ranks = true},
      {.name = "first_chunk_repeated",
       .summary = "keys and values of the first chunk stand in for those of every chunk",
       .edit = repeat_first_chunk,
       .wants_ranks = true},
  };
}

}  // namespace

std::span<const Departure> departures() {
  static const std::vector<Departure> table = [] {
    std::vector<Departure> all = ring_departures();
    for (const Departure& departure : hilbert_departures()) all.push_back(departure);
    return all;
  }();
  return table;
}

const Departure& departure_of(std::string_view name) {
  for (const Departure& departure : departures()) {
    if (departure.name == name) return departure;
  }
  throw UsageError("defect: '" + std::string(name) + "' is not known");
}

}  // namespace ringattn::oracle
