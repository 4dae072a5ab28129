#pragma once

#include "attention/oracle.h"
#include "attention/oracle_rows.h"
#include "attention/oracle_softmax.h"
#include "attention/strands.h"

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

// How the oracle walks through a function in blocks: which rows of which heads meet which keys.

namespace ringattn::oracle {

/// What stays the same through one evaluation.
struct Setting {
  const AttentionFunction& function;
  const OracleOptions& options;
  const std::vector<std::int64_t>& rows;  ///< positions of the queries, in result order
  double softmax_scale;
  std::int64_t batch;
};

/// options.query_rows, or all rows where that is empty.
std::vector<std::int64_t> rows_or_all(const AttentionFunction& function, const OracleOptions& options);

/// Throw UsageError: rows outside the sequence, blocks below 1; a tensor that is not (batch, rows, heads, dim)
/// floating; another batch; another number of heads.
void check_options(const AttentionFunction& function, const OracleOptions& options);
void check_tensor(const char* name, const at::Tensor& tensor, std::int64_t rows);
void check_batch(const char* name, const at::Tensor& tensor, std::int64_t batch);
void check_heads(const char* name, const at::Tensor& tensor, std::int64_t heads);

at::Tensor index_tensor(const std::vector<std::int64_t>& values, at::Device device);

/// The head of a tensor with `tensor_heads` heads that each of the query heads reads: ⌊h / (heads / tensor_heads)⌋.
std::vector<std::int64_t> shared_heads(const std::vector<std::int64_t>& heads, std::int64_t query_heads,
                                       std::int64_t tensor_heads);

/// (batch, rows, heads, dim) → (batch, chosen heads, rows, dim) in fp64; `heads` are query heads.
at::Tensor take_heads(const at::Tensor& tensor, const std::vector<std::int64_t>& heads, std::int64_t query_heads);

/// A block of query rows of one strand.
struct RowBlock {
  std::size_t first = 0, count = 0;  ///< in Setting::rows
  RowViews::KeyRange keys{};
  std::optional<SoftmaxState> state{};

  /// These rows of a tensor whose dimension `dim` runs over Setting::rows.
  at::Tensor of(const at::Tensor& tensor, std::int64_t dim) const {
    return tensor.narrow(dim, static_cast<std::int64_t>(first), static_cast<std::int64_t>(count));
  }
};

/// A strand with those of its blocks that see any key.
struct StrandBlocks {
  Strand strand;
  std::vector<RowBlock> blocks;

  bool overlaps(std::int64_t begin, std::int64_t end) const;
};

/// All strands of the function; query: (batch, Setting::rows, heads, dim).
std::vector<StrandBlocks> blocks_of(const Setting& setting, const at::Tensor& query);

/// Keys [first, first + keys.weight.size(1)) as one block's rows see them.
struct Meeting {
  const Strand& strand;
  RowBlock& block;
  const KeyBlock& keys;
  std::int64_t first;
};

/// Asks for the chunks that any row attends, once each, ascending, and calls `visit` wherever a block meets keys of
/// one. Returns the dim of the values, `dim` where nothing was asked for. UsageError: a chunk of another shape.
std::int64_t visit_keys(const Setting& setting, std::vector<StrandBlocks>& strands, const KeyValueSource& keys,
                        std::int64_t dim, const std::function<void(const Meeting&)>& visit);

}  // namespace ringattn::oracle
