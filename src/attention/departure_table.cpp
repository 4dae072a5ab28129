#include "attention/departure_edits.h"
#include "attention/departure_hilbert.h"
#include "config/error.h"

#include <string>

namespace ringattn::oracle {

namespace {

/// The rings and hybrids.
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
      {.name = "pattern_ignored",
       .summary = "segments and dilation are ignored: full attention",
       .rewrite = ignore_pattern},
      {.name = "causality_ignored", .summary = "the causal mask is ignored", .rewrite = ignore_causality},
      {.name = "chunk_sum",
       .summary = "the softmaxes of the k chunks are added and not divided; NaN where a chunk lies in the future",
       .edit = deal_keys,
       .merge = merge_sum,
       .wants_ranks = true},
      {.name = "chunk_average",
       .summary = "the softmaxes of the k chunks are averaged with equal weights, a chunk in the future counting 0",
       .edit = deal_keys,
       .merge = merge_average,
       .wants_ranks = true},
      {.name = "divided_by_exp_lse",
       .summary = "the sum over chunks is divided by e^lse although the maximum was never put back",
       .edit = deal_keys,
       .merge = merge_divided_by_exp_lse,
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
