#include "attention/departure_edits.h"

namespace ringattn::oracle {

void ignore_pattern(AttentionFunction& function, int /*ranks*/) {
  function.axes = {};
  function.pairs = {{function.seq_len, 1}};
}

void ignore_segments(AttentionFunction& function, int /*ranks*/) { function.axes.placement = Placement::whole; }

void ignore_causality(AttentionFunction& function, int /*ranks*/) { function.is_causal = false; }

void give_last_groups_more(AttentionFunction& function, int /*ranks*/) { function.axes.heads = HeadRule::last; }

void give_last_group_rest(AttentionFunction& function, int /*ranks*/) { function.axes.heads = HeadRule::rest; }

void skip_division(AttentionFunction& function, int /*ranks*/) { function.axes.join = JoinRule::single; }

}  // namespace ringattn::oracle
