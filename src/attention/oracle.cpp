#include "attention/oracle.h"

#include "attention/departure.h"
#include "attention/oracle_blocks.h"
#include "attention/oracle_mask.h"
#include "config/error.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>
#include <vector>

namespace ringattn {
namespace {

/// Adds scale · out, and sets lse, at the block's rows and the strand's heads.
void write_result(const oracle::Strand& strand, const oracle::RowBlock& block, OracleResult& result) {
  const at::Tensor heads = oracle::index_tensor(strand.heads, result.out.device());
  const at::Tensor out = block.state->out().mul_(strand.scale).transpose(1, 2);
  block.of(result.out, 1).index_add_(2, heads, out);
  if (result.lse.defined()) block.of(result.lse, 2).index_copy_(1, heads, block.state->lse());
}

}  // namespace

OracleResult evaluate_oracle(const AttentionFunction& function, const at::Tensor& query, const KeyValueSource& keys,
                             const OracleOptions& options) {
  check_function(function);
  oracle::check_options(function, options);
  if (oracle::is_departure(options.defects))
    throw UsageError("defects: " + to_string(options.defects) + " want all queries, keys and values at once");
  const std::vector<std::int64_t> rows = oracle::rows_or_all(function, options);
  oracle::check_tensor("query", query, static_cast<std::int64_t>(rows.size()));
  oracle::check_heads("query", query, function.heads);
  oracle::check_mask(function, options.mask, query.size(0), query.size(1));
  const double scale = function.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(query.size(3))));
  const oracle::Setting setting{function, options, rows, scale, query.size(0)};

  std::vector<oracle::StrandBlocks> strands = oracle::blocks_of(setting, query);
  const std::int64_t value_dim =
      oracle::visit_keys(setting, strands, keys, query.size(3),
                         [](const oracle::Meeting& meeting) { meeting.block.state->add(meeting.keys); });

  OracleResult result;
  const auto fp64 = query.options().dtype(at::kDouble);
  result.out = at::zeros({query.size(0), query.size(1), function.heads, value_dim}, fp64);
  const bool common_lse = function.axes.join != JoinRule::mean || function.pairs.size() == 1;
  if (common_lse) {
    result.lse =
        at::full({query.size(0), function.heads, query.size(1)}, -std::numeric_limits<double>::infinity(), fp64);
  }
  for (const oracle::StrandBlocks& strand : strands) {
    for (const oracle::RowBlock& block : strand.blocks) write_result(strand.strand, block, result);
  }
  return result;
}

OracleResult evaluate_oracle(const AttentionFunction& function, const at::Tensor& query, const at::Tensor& key,
                             const at::Tensor& value, const OracleOptions& options) {
  oracle::check_tensor("query", query, function.seq_len);
  oracle::check_tensor("key", key, function.seq_len);
  oracle::check_tensor("value", value, function.seq_len);
  oracle::check_options(function, options);
  if (oracle::is_departure(options.defects)) {
    check_function(function);
    return oracle::evaluate_departure(function, query, key, value, options);
  }
  const at::Tensor rows = options.query_rows.empty()
                              ? query
                              : query.index_select(1, oracle::index_tensor(options.query_rows, query.device()));
  const KeyValueSource narrow = [&](std::int64_t first, std::int64_t count) {
    return KeyValueRows{key.narrow(1, first, count), value.narrow(1, first, count)};
  };
  return evaluate_oracle(function, rows, narrow, options);
}

}  // namespace ringattn
