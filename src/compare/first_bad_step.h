#pragma once

#include "compare/verdict.h"

#include <string>

namespace ringattn {

/// The first place at which what a rank has come to is wrong.
struct FirstBadStep {
  /// The hop after which it is; `finish`: right after each, wrong when returned.
  static constexpr int finish = -1;
  /// Of what:
  ///   result: out and lse of the rank's rows, over the keys of the hops so far.
  ///   gradients: dq of its rows, and the sums of dk and dv that are on it after a hop of the backward pass.
  ///   returned_sums: dk and dv of its rows, when the sums that are due from `source` have come home.
  enum class What { result, gradients, returned_sums };

  int rank = 0;
  int hop = 0;
  int source = 0;  ///< the rank whose keys that hop brought, or from which sums came home
  NumericVerdict verdict;
  What what = What::result;
  bool operator==(const FirstBadStep&) const = default;
};
/// "rank 2 is right until hop 1 (keys of rank 1): out: …".
std::string to_string(const FirstBadStep& bad);

}  // namespace ringattn
