#include "attention/departure_edits.h"

namespace ringattn::oracle {

void ignore_pattern(AttentionFunction& function, int /*ranks*/) {
  function.axes = {};
  function.pairs = {{function.seq_len, 1}};
}

void dilate_sequence(AttentionFunction& function, int /*ranks*/) {
  function.axes = {Placement::whole, HeadRule::last,   OffsetRule::pair,    QueryRule::dilated,
                   KeyRule::dilated, JoinRule::single, OrderRule::position, TailRule::shortened};
  for (Pair& pair : function.pairs) {
    if (pair.dilation_rate > function.seq_len) pair.dilation_rate = 1;
  }
}

void fill_pattern(AttentionFunction& function, int /*ranks*/) {
  function.axes.placement = Placement::whole;
  function.axes.queries = QueryRule::all;
  function.axes.keys = KeyRule::all;
}

void ignore_causality(AttentionFunction& function, int /*ranks*/) { function.is_causal = false; }

void give_last_groups_more(AttentionFunction& function, int /*ranks*/) { function.axes.heads = HeadRule::last; }

void give_last_group_rest(AttentionFunction& function, int /*ranks*/) { function.axes.heads = HeadRule::rest; }

void skip_division(AttentionFunction& function, int /*ranks*/) { function.axes.join = JoinRule::single; }

void leave_tail_dense(AttentionFunction& function, int /*ranks*/) { function.axes.tail = TailRule::dense; }

void ignore_mask(AttentionFunction& function, int /*ranks*/) { function.mask = {}; }

void add_mask_as_number(AttentionFunction& function, int /*ranks*/) { function.mask.is_additive = true; }

void ignore_scale(AttentionFunction& function, int /*ranks*/) { function.softmax_scale.reset(); }

void keep_segments_whole(AttentionFunction& function, int /*ranks*/) {
  for (Pair& pair : function.pairs) pair.dilation_rate = 1;
}

at::Tensor attend_before(const AttentionFunction& intended, const Attended& rows, const Defect& defect) {
  AttentionFunction alone = intended;
  alone.is_causal = false;
  alone.mask = {};
  OracleOptions options;
  options.defects = {{"chunks_apart", defect.ranks}, CyclicMultiset{}};
  return evaluate_departure(alone, rows.query, rows.key, rows.value, options).out;
}

}  // namespace ringattn::oracle
