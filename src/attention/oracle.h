#pragma once

#include "attention/defect.h"
#include "config/axes.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <vector>

namespace ringattn {

struct OracleOptions {
  std::vector<std::int64_t> query_rows{};  ///< global positions to evaluate, in result order; empty: all
  /// As function.mask says, bool or additive (floating): keys (batch or 1, n); scores (batch or 1, 1 or heads, result
  /// rows, n): the rows of query_rows alone, in their order.
  at::Tensor mask{};
  Defects defects{};              ///< added to the function, to reproduce released code
  std::int64_t block_rows = 256;  ///< query rows per block of scores
  std::int64_t block_keys = 512;  ///< keys that are held in fp64 at a time
};

/// fp64, on the device of the query. out: (batch, rows, heads, value dim), normalised; lse: (batch, heads, rows), the
/// natural logarithm of the softmax denominator, which dropout leaves alone. A row without key has out 0 and lse -inf.
/// Join `mean` of several pairs has no common lse: undefined then.
struct OracleResult {
  at::Tensor out;
  at::Tensor lse;
};

/// Key and value rows [first, first + count): (batch, count, key heads, dim) of any floating dtype.
struct KeyValueRows {
  at::Tensor key;
  at::Tensor value;
};
using KeyValueSource = std::function<KeyValueRows(std::int64_t first, std::int64_t count)>;

/// Evaluates the function densely in fp64, straight from the membership predicate (attends.h), by online softmax over
/// key chunks:
///   out = Σ_j f_j c_j e^{s_j} v_j / Σ_j c_j e^{s_j},  lse = log Σ_j c_j e^{s_j},  s_j = scale · q·k_j + mask_j,
/// c_j = key_weight, f_j = 1, or with dropout p: 0 where (batch, head, query, key) is dropped, else 1 / (1 - p). Joined
/// over pairs as axes.join says; mean: (1/G) Σ_i out_i, a pair without keys counting 0.
/// query: (batch, n, heads, dim); key, value: (batch, n, key heads, dim); any floating dtype, upcast exactly. Keys that
/// a row does not attend have no influence on it, NaN and Inf included. Cost: 4·dim FLOP and one exp for each (row,
/// head, key) in the bounding key range of a block of rows, with dropout 25 ns more for each that is attended; memory:
/// the result, one chunk of keys, and batch · heads · block_rows · block_keys scores. Errors: UsageError (shapes, rows,
/// mask, function).
OracleResult evaluate_oracle(const AttentionFunction& function, const at::Tensor& query, const at::Tensor& key,
                             const at::Tensor& value, const OracleOptions& options = {});

/// The same when nobody holds all keys: `query` has only the rows of options.query_rows (all n if that is empty), and
/// `keys` is asked for each chunk of at most block_keys positions once, ascending; chunks that no row attends are never
/// asked for.
OracleResult evaluate_oracle(const AttentionFunction& function, const at::Tensor& query, const KeyValueSource& keys,
                             const OracleOptions& options = {});

}  // namespace ringattn
