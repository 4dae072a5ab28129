#pragma once

#include "comm/communicator.h"

#include <span>

namespace ringattn {

/// The hop under which sums over ranks are counted; no ring has as many.
inline constexpr int rank_sum_hop = 1 << 20;

/// Adds the ranks' values element by element, in place:
///   sum[i] = (…((v_0[i] + v_1[i]) + v_2[i]) + …),  v_r of rank r
/// so that every rank gets the same bits, in every run. Collective, with the same number of values on every rank; else
/// UsageError on all of them. Each rank adds up 1/k of the elements and hands the sums on: it sends 2·(k-1)/k of the
/// values in at most 2·(k-1) messages of hop `rank_sum_hop`, and holds as much as its values again, for what it adds.
void sum_over_ranks(Communicator& communicator, std::span<float> values);
void sum_over_ranks(Communicator& communicator, std::span<double> values);

}  // namespace ringattn
