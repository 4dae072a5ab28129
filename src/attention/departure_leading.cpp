#include "attention/departure_hilbert.h"

#include <algorithm>

namespace ringattn::oracle {

void lead_groups(AttentionFunction& function, int /*ranks*/) {
  const auto heads = static_cast<std::size_t>(function.heads);
  if (heads < function.pairs.size()) function.pairs.resize(heads);
  function.axes.heads = HeadRule::drop;
  function.axes.join = JoinRule::single;
}

void lead_groups_of_all_rows(AttentionFunction& function, int ranks) {
  lead_groups(function, ranks);
  function.axes.queries = QueryRule::all;
  function.axes.keys = KeyRule::all;
}

void meet_rows_ahead(std::vector<Block>& blocks, const Surroundings& around) {
  for (Block& block : blocks) {
    const std::int64_t r = around.function.pairs[static_cast<std::size_t>(block.pair)].dilation_rate;
    const bool fits = block.begin + (block.length - 1) * r < around.function.seq_len;
    for (KeySlot& key : block.steps.front().keys) key.position = block.begin + (fits ? key.slot * r : 0);
  }
}

}  // namespace ringattn::oracle
