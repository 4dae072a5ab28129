#include "attention/oracle.h"

#include "attention/departure.h"
#include "attention/oracle_dropout.h"
#include "attention/oracle_mask.h"
#include "attention/oracle_rows.h"
#include "attention/oracle_softmax.h"
#include "attention/strands.h"
#include "config/error.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace ringattn {
namespace {

using oracle::RowViews;
using oracle::Strand;

/// What stays the same through one evaluation.
struct Setting {
  const AttentionFunction& function;
  const OracleOptions& options;
  const std::vector<std::int64_t>& rows;
  double softmax_scale;
  std::int64_t batch;
};

/// A block of query rows of one strand.
struct RowBlock {
  std::size_t first = 0, count = 0;  ///< in Setting::rows
  RowViews::KeyRange keys{};
  std::optional<oracle::SoftmaxState> state{};
};

/// A strand with those of its blocks that see any key.
struct StrandBlocks {
  Strand strand;
  std::vector<RowBlock> blocks;

  bool overlaps(std::int64_t begin, std::int64_t end) const {
    return std::any_of(blocks.begin(), blocks.end(),
                       [&](const RowBlock& block) { return block.keys.overlaps(begin, end); });
  }
};

std::span<const std::int64_t> rows_of(const Setting& setting, const RowBlock& block) {
  return std::span(setting.rows).subspan(block.first, block.count);
}

RowViews views_of(const Setting& setting, const Strand& strand, const RowBlock& block) {
  return {setting.function, setting.options.defects, strand, rows_of(setting, block)};
}

at::Tensor index_tensor(const std::vector<std::int64_t>& values, at::Device device) {
  return at::tensor(values, at::kLong).to(device);
}

/// (batch, rows, heads, dim) → (batch, chosen heads, rows, dim) in fp64; query heads share key heads
/// evenly: head h reads key head ⌊h / (heads / key heads)⌋.
at::Tensor take_heads(const at::Tensor& tensor, const std::vector<std::int64_t>& heads, std::int64_t query_heads) {
  std::vector<std::int64_t> chosen;
  chosen.reserve(heads.size());
  for (const std::int64_t head : heads) chosen.push_back(head / (query_heads / tensor.size(2)));
  return tensor.index_select(2, index_tensor(chosen, tensor.device())).transpose(1, 2).to(at::kDouble).contiguous();
}

StrandBlocks make_blocks(const Setting& setting, const Strand& strand, const at::Tensor& query) {
  StrandBlocks result{strand, {}};
  const auto step = static_cast<std::size_t>(setting.options.block_rows);
  for (std::size_t first = 0; first < setting.rows.size(); first += step) {
    RowBlock block;
    block.first = first;
    block.count = std::min(step, setting.rows.size() - first);
    block.keys = views_of(setting, strand, block).key_range();
    if (block.keys.empty()) continue;
    const at::Tensor own = query.narrow(1, static_cast<std::int64_t>(first), static_cast<std::int64_t>(block.count));
    block.state.emplace(take_heads(own, strand.heads, setting.function.heads), setting.softmax_scale);
    result.blocks.push_back(std::move(block));
  }
  return result;
}

/// The keys [first, first + count) as the block's rows see them; key and value hold those keys.
oracle::KeyBlock key_block(const Setting& setting, const Strand& strand, const RowBlock& block, const at::Tensor& key,
                           const at::Tensor& value, std::int64_t first) {
  const AttentionFunction& function = setting.function;
  const at::Device device = key.device();
  const std::int64_t count = key.size(2);
  const at::Tensor weight = views_of(setting, strand, block).weights(first, count);
  oracle::KeyBlock keys{weight.to(device), key, value};
  keys.bias = oracle::mask_bias(function, setting.options.mask,
                                {.heads = strand.heads,
                                 .row = static_cast<std::int64_t>(block.first),
                                 .rows = static_cast<std::int64_t>(block.count),
                                 .key = first,
                                 .keys = count});
  if (keys.bias.defined()) keys.bias = keys.bias.to(device);
  if (function.dropout > 0.0) {
    const auto rows = rows_of(setting, block);
    keys.factor = oracle::dropout_factors(function, key.size(0), strand.heads, rows, first, weight).to(device);
  }
  return keys;
}

/// Runs the blocks of one strand over one chunk of keys, whose first key is `first`.
void visit_chunk(const Setting& setting, StrandBlocks& blocks, const KeyValueRows& chunk, std::int64_t first) {
  const std::int64_t end = first + chunk.key.size(1);
  if (!blocks.overlaps(first, end)) return;
  const at::Tensor key = take_heads(chunk.key, blocks.strand.heads, setting.function.heads);
  const at::Tensor value = take_heads(chunk.value, blocks.strand.heads, setting.function.heads);
  for (RowBlock& block : blocks.blocks) {
    if (!block.keys.overlaps(first, end)) continue;
    const std::int64_t begin = std::max(first, block.keys.begin);
    const std::int64_t count = std::min(end, block.keys.end) - begin;
    block.state->add(key_block(setting, blocks.strand, block, key.narrow(2, begin - first, count),
                               value.narrow(2, begin - first, count), begin));
  }
}

/// Adds scale · out, and sets lse, at the block's rows and the strand's heads.
void write_result(const Strand& strand, const RowBlock& block, OracleResult& result) {
  const at::Tensor heads = index_tensor(strand.heads, result.out.device());
  const auto first = static_cast<std::int64_t>(block.first);
  const auto count = static_cast<std::int64_t>(block.count);
  const at::Tensor out = block.state->out().mul_(strand.scale).transpose(1, 2);
  result.out.narrow(1, first, count).index_add_(2, heads, out);
  if (result.lse.defined()) result.lse.narrow(2, first, count).index_copy_(1, heads, block.state->lse());
}

void check_options(const AttentionFunction& function, const OracleOptions& options) {
  for (const std::int64_t row : options.query_rows) {
    if (row >= 0 && row < function.seq_len) continue;
    throw UsageError("query_rows: " + std::to_string(row) + " is outside [0, " + std::to_string(function.seq_len) +
                     ")");
  }
  if (options.block_rows < 1)
    throw UsageError("block_rows: " + std::to_string(options.block_rows) + " must be at least 1");
  if (options.block_keys < 1)
    throw UsageError("block_keys: " + std::to_string(options.block_keys) + " must be at least 1");
}

void check_tensor(const char* name, const at::Tensor& tensor, std::int64_t rows) {
  if (tensor.dim() == 4 && tensor.size(1) == rows && at::isFloatingType(tensor.scalar_type())) return;
  throw UsageError(std::string(name) + ": shape (batch, " + std::to_string(rows) +
                   ", heads, dim) of a floating dtype is wanted");
}

void check_batch(const char* name, const at::Tensor& tensor, std::int64_t batch) {
  if (tensor.size(0) == batch) return;
  throw UsageError(std::string(name) + ": batch " + std::to_string(tensor.size(0)) + ", but the query has " +
                   std::to_string(batch));
}

void check_heads(const char* name, const at::Tensor& tensor, std::int64_t heads) {
  if (tensor.size(2) == heads) return;
  throw UsageError(std::string(name) + ": " + std::to_string(tensor.size(2)) + " heads, but the function has " +
                   std::to_string(heads));
}

std::vector<std::int64_t> rows_or_all(const AttentionFunction& function, const OracleOptions& options) {
  if (!options.query_rows.empty()) return options.query_rows;
  std::vector<std::int64_t> rows(static_cast<std::size_t>(function.seq_len));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

/// Asks for the chunks that any row attends, in order, and runs them; returns the dim of the values.
std::int64_t visit_keys(const Setting& setting, std::vector<StrandBlocks>& strands, const KeyValueSource& keys,
                        std::int64_t dim) {
  const std::int64_t n = setting.function.seq_len;
  for (std::int64_t first = 0; first < n; first += setting.options.block_keys) {
    const std::int64_t count = std::min(setting.options.block_keys, n - first);
    const auto wanted = [&](const StrandBlocks& strand) { return strand.overlaps(first, first + count); };
    if (std::none_of(strands.begin(), strands.end(), wanted)) continue;
    const KeyValueRows chunk = keys(first, count);
    check_tensor("key", chunk.key, count);
    check_tensor("value", chunk.value, count);
    check_batch("key", chunk.key, setting.batch);
    check_batch("value", chunk.value, setting.batch);
    check_heads("key", chunk.key, setting.function.key_heads());
    check_heads("value", chunk.value, setting.function.key_heads());
    dim = chunk.value.size(3);
    for (StrandBlocks& strand : strands) visit_chunk(setting, strand, chunk, first);
  }
  return dim;
}

}  // namespace

OracleResult evaluate_oracle(const AttentionFunction& function, const at::Tensor& query, const KeyValueSource& keys,
                             const OracleOptions& options) {
  check_function(function);
  check_options(function, options);
  if (oracle::is_departure(options.defects))
    throw UsageError("defects: " + to_string(options.defects) + " want all queries, keys and values at once");
  const std::vector<std::int64_t> rows = rows_or_all(function, options);
  check_tensor("query", query, static_cast<std::int64_t>(rows.size()));
  check_heads("query", query, function.heads);
  oracle::check_mask(function, options.mask, query.size(0), query.size(1));
  const double scale = function.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(query.size(3))));
  const Setting setting{function, options, rows, scale, query.size(0)};

  std::vector<StrandBlocks> strands;
  for (const Strand& strand : oracle::strands_of(function)) strands.push_back(make_blocks(setting, strand, query));
  const std::int64_t value_dim = visit_keys(setting, strands, keys, query.size(3));

  OracleResult result;
  const auto fp64 = query.options().dtype(at::kDouble);
  result.out = at::zeros({query.size(0), query.size(1), function.heads, value_dim}, fp64);
  const bool common_lse = function.axes.join != JoinRule::mean || function.pairs.size() == 1;
  if (common_lse) {
    result.lse =
        at::full({query.size(0), function.heads, query.size(1)}, -std::numeric_limits<double>::infinity(), fp64);
  }
  for (const StrandBlocks& strand : strands) {
    for (const RowBlock& block : strand.blocks) write_result(strand.strand, block, result);
  }
  return result;
}

OracleResult evaluate_oracle(const AttentionFunction& function, const at::Tensor& query, const at::Tensor& key,
                             const at::Tensor& value, const OracleOptions& options) {
  check_tensor("query", query, function.seq_len);
  check_tensor("key", key, function.seq_len);
  check_tensor("value", value, function.seq_len);
  check_options(function, options);
  if (oracle::is_departure(options.defects)) {
    check_function(function);
    return oracle::evaluate_departure(function, query, key, value, options);
  }
  const at::Tensor rows =
      options.query_rows.empty() ? query : query.index_select(1, index_tensor(options.query_rows, query.device()));
  const KeyValueSource narrow = [&](std::int64_t first, std::int64_t count) {
    return KeyValueRows{key.narrow(1, first, count), value.narrow(1, first, count)};
  };
  return evaluate_oracle(function, rows, narrow, options);
}

}  // namespace ringattn
