#include "pattern/curve.h"
#include "tests/mutants/mutant_table.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace ringattn::mutants {
namespace {

constexpr Place kOneRank{.hop = at_end};
constexpr Place kAllRanks{.rank = every, .hop = at_end};

/// Rows that saw no key, as (batch, rows, heads, 1).
at::Tensor empty_rows(const Partial& result) {
  return result.lse.eq(-std::numeric_limits<double>::infinity()).transpose(1, 2).unsqueeze(3);
}

/// Rows stay in the order in which a curve visits them.
void leave_on_curve(Partial& result, const Scene&) {
  const at::Tensor order = at::tensor(curve_order(OrderRule::hilbert, result.out.size(1)), at::kLong);
  result.out.copy_(result.out.index_select(1, order));
  result.lse.copy_(result.lse.index_select(2, order));
}

void leave_tail_unwritten(Partial& result, const Scene&) {
  const at::Tensor tail = result.out.narrow(1, result.out.size(1) - 3, 3);
  const at::Tensor junk = at::empty(tail.sizes(), tail.options());
  std::memset(junk.data_ptr(), 0xA5, junk.nbytes());
  tail.copy_(junk);
}

void swap_halves(Partial& result, const Scene&) {
  result.out.copy_(result.out.roll(result.out.size(1) / 2, 1));
  result.lse.copy_(result.lse.roll(result.lse.size(2) / 2, 2));
}

}  // namespace

std::vector<Mutant> result_mutants() {
  return {
      {.name = "all_zero",
       .breaks = "the output is 0",
       .place = kAllRanks,
       .result = [](Partial& result, const Scene&) { result.out.zero_(); }},
      {.name = "tail_unwritten",
       .breaks = "the last three rows of a rank are never written",
       .place = kOneRank,
       .result = leave_tail_unwritten},
      {.name = "curve_inverse_missing",
       .breaks = "rows are returned in the order of the curve",
       .setting = "curve_layout",
       .place = kAllRanks,
       .result = leave_on_curve},
      {.name = "result_chunks_swapped",
       .breaks = "one rank returns its two zigzag chunks in the wrong order",
       .setting = "zigzag",
       .place = kOneRank,
       .result = swap_halves},
      {.name = "nan_to_zero",
       .breaks = "NaN rows are returned as 0",
       .setting = "nan_row",
       .place = kAllRanks,
       .result = [](Partial& result, const Scene&) { result.out.nan_to_num_(0.0); }},
      {.name = "empty_row_nan",
       .breaks = "rows without a key are NaN in place of 0",
       .setting = "random_mask",
       .place = kAllRanks,
       .result = [](Partial& result, const Scene&) { result.out.masked_fill_(empty_rows(result), NAN); }},
      {.name = "empty_row_lse_zero",
       .breaks = "rows without a key have lse 0 in place of -inf",
       .setting = "random_mask",
       .place = kAllRanks,
       .result = [](Partial& result,
                    const Scene&) { result.lse.masked_fill_(empty_rows(result).squeeze(3).transpose(1, 2), 0.0); }},
      {.name = "heads_reversed",
       .breaks = "one rank returns its heads in another order",
       .place = kOneRank,
       .result = [](Partial& result, const Scene&) { result.out.copy_(result.out.flip(2)); }},
      {.name = "batch_mixed",
       .breaks = "one rank mixes its batch indices up",
       .place = kOneRank,
       .result = [](Partial& result, const Scene&) { result.out.copy_(result.out.flip(0)); }},
      {.name = "lse_alone",
       .breaks = "the returned lse alone is 0.01 too large",
       .place = kOneRank,
       .result = [](Partial& result, const Scene&) { result.lse.add_(0.01); }},
      {.name = "one_element",
       .breaks = "one number of one rank is 0.01 too large",
       .place = kOneRank,
       .result = [](Partial& result,
                    const Scene&) { result.out.select(0, 0).select(0, 1).select(0, 1).narrow(0, 2, 1).add_(0.01); }},
  };
}

}  // namespace ringattn::mutants
