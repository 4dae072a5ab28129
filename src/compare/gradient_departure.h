#pragma once

#include "attention/inputs.h"
#include "attention/interface.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// How the gradients that old code gave depart from a function's derivatives, each of k ranks having the loss of its
/// contiguous share of the rows. With c_s(r) what the queries of rank r give to the keys, or values, of rank s:
///   own_part   rank s's rows have c_s(s): received rows were constants
///   misplaced  rank s's rows have Σ_t c_t(s): received rows were written over a copy of the rank's own, which got what
///              belongs to them, row by row
///   zero       0 everywhere
/// dq is whole in the first two.
enum class GradientDeparture { own_part, misplaced, zero };
std::string_view to_string(GradientDeparture departure);
/// One sentence on dk and dv.
std::string words_of(GradientDeparture departure, int ranks);

/// The function, and the numbers that its derivatives are taken at.
struct GradientSubject {
  const AttentionFunction& function;
  std::vector<std::int64_t> rows;  ///< positions of the queries that have a grad_out; empty: all
  at::Tensor query, key, value;    ///< (batch, n, heads or key heads, dim)
  at::Tensor grad_out;             ///< (batch, rows, heads, dim)
  at::Tensor mask{};               ///< as OracleOptions::mask, of those queries; undefined: none
};

/// At the inputs' numbers in that type. `rows`: those whose grad_out counts, ascending; empty: all.
GradientSubject gradient_subject(const AttentionFunction& function, const std::vector<std::int64_t>& rows,
                                 const InputSource& inputs, at::ScalarType dtype);

/// `whole`, the function's derivatives in fp64, as the departure makes them. The oracle is evaluated once for each
/// rank, on its own queries. Unchanged where the departure says nothing: on one rank but for zero, and misplaced where
/// the shares are of unequal length.
Gradients departed(const Gradients& whole, GradientDeparture departure, const GradientSubject& subject, int ranks);

/// The derivatives where each row's counts a whole number of times, of its own for each batch index and head: where a
/// row lay in several slots, each of which got all of the derivative after it. How often is what `dq` has of whole's, 1
/// where that is 0.
struct RepeatedRows {
  Gradients gradients;
  std::int64_t most = 1;  ///< the largest number
};
RepeatedRows with_rows_repeated(const Gradients& whole, const at::Tensor& dq, const GradientSubject& subject);

}  // namespace ringattn
