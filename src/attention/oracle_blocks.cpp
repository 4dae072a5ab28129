#include "attention/oracle_blocks.h"

#include "attention/oracle_dropout.h"
#include "attention/oracle_mask.h"
#include "config/error.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

namespace ringattn::oracle {
namespace {

std::span<const std::int64_t> rows_of(const Setting& setting, const RowBlock& block) {
  return std::span(setting.rows).subspan(block.first, block.count);
}

RowViews row_views(const Setting& setting, const Strand& strand, const RowBlock& block) {
  return {setting.function, setting.options.defects, strand, rows_of(setting, block)};
}

StrandBlocks make_blocks(const Setting& setting, const Strand& strand, const at::Tensor& query) {
  StrandBlocks result{strand, {}};
  const auto step = static_cast<std::size_t>(setting.options.block_rows);
  for (std::size_t first = 0; first < setting.rows.size(); first += step) {
    RowBlock block;
    block.first = first;
    block.count = std::min(step, setting.rows.size() - first);
    block.keys = row_views(setting, strand, block).key_range();
    if (block.keys.empty()) continue;
    block.state.emplace(take_heads(block.of(query, 1), strand.heads, setting.function.heads), setting.softmax_scale);
    result.blocks.push_back(std::move(block));
  }
  return result;
}

/// The keys [first, first + count) as the block's rows see them; key and value hold those keys.
KeyBlock key_block(const Setting& setting, const Strand& strand, const RowBlock& block, const at::Tensor& key,
                   const at::Tensor& value, std::int64_t first) {
  const AttentionFunction& function = setting.function;
  const at::Device device = key.device();
  const std::int64_t count = key.size(2);
  const at::Tensor weight = row_views(setting, strand, block).weights(first, count);
  KeyBlock keys{weight.to(device), key, value};
  keys.bias = mask_bias(function, setting.options.mask,
                        {.heads = strand.heads,
                         .row = static_cast<std::int64_t>(block.first),
                         .rows = static_cast<std::int64_t>(block.count),
                         .key = first,
                         .keys = count});
  if (keys.bias.defined()) keys.bias = keys.bias.to(device);
  if (function.dropout > 0.0) {
    const auto rows = rows_of(setting, block);
    keys.factor = dropout_factors(function, key.size(0), strand.heads, rows, first, weight).to(device);
  }
  return keys;
}

/// Runs the blocks of one strand over one chunk of keys, whose first key is `first`.
void visit_chunk(const Setting& setting, StrandBlocks& blocks, const KeyValueRows& chunk, std::int64_t first,
                 const std::function<void(const Meeting&)>& visit) {
  const std::int64_t end = first + chunk.key.size(1);
  if (!blocks.overlaps(first, end)) return;
  const at::Tensor key = take_heads(chunk.key, blocks.strand.heads, setting.function.heads);
  const at::Tensor value = take_heads(chunk.value, blocks.strand.heads, setting.function.heads);
  for (RowBlock& block : blocks.blocks) {
    if (!block.keys.overlaps(first, end)) continue;
    const std::int64_t begin = std::max(first, block.keys.begin);
    const std::int64_t count = std::min(end, block.keys.end) - begin;
    const KeyBlock keys = key_block(setting, blocks.strand, block, key.narrow(2, begin - first, count),
                                    value.narrow(2, begin - first, count), begin);
    visit({blocks.strand, block, keys, begin});
  }
}

void check_chunk(const Setting& setting, const KeyValueRows& chunk, std::int64_t count) {
  check_tensor("key", chunk.key, count);
  check_tensor("value", chunk.value, count);
  check_batch("key", chunk.key, setting.batch);
  check_batch("value", chunk.value, setting.batch);
  check_heads("key", chunk.key, setting.function.key_heads());
  check_heads("value", chunk.value, setting.function.key_heads());
}

}  // namespace

std::vector<std::int64_t> rows_or_all(const AttentionFunction& function, const OracleOptions& options) {
  if (!options.query_rows.empty()) return options.query_rows;
  std::vector<std::int64_t> rows(static_cast<std::size_t>(function.seq_len));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
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

at::Tensor index_tensor(const std::vector<std::int64_t>& values, at::Device device) {
  return at::tensor(values, at::kLong).to(device);
}

std::vector<std::int64_t> shared_heads(const std::vector<std::int64_t>& heads, std::int64_t query_heads,
                                       std::int64_t tensor_heads) {
  std::vector<std::int64_t> chosen;
  chosen.reserve(heads.size());
  for (const std::int64_t head : heads) chosen.push_back(head / (query_heads / tensor_heads));
  return chosen;
}

at::Tensor take_heads(const at::Tensor& tensor, const std::vector<std::int64_t>& heads, std::int64_t query_heads) {
  const at::Tensor chosen = index_tensor(shared_heads(heads, query_heads, tensor.size(2)), tensor.device());
  return tensor.index_select(2, chosen).transpose(1, 2).to(at::kDouble).contiguous();
}

bool StrandBlocks::overlaps(std::int64_t begin, std::int64_t end) const {
  return std::any_of(blocks.begin(), blocks.end(),
                     [&](const RowBlock& block) { return block.keys.overlaps(begin, end); });
}

std::vector<StrandBlocks> blocks_of(const Setting& setting, const at::Tensor& query) {
  std::vector<StrandBlocks> strands;
  for (const Strand& strand : strands_of(setting.function)) strands.push_back(make_blocks(setting, strand, query));
  return strands;
}

std::int64_t visit_keys(const Setting& setting, std::vector<StrandBlocks>& strands, const KeyValueSource& keys,
                        std::int64_t dim, const std::function<void(const Meeting&)>& visit) {
  const std::int64_t n = setting.function.seq_len;
  for (std::int64_t first = 0; first < n; first += setting.options.block_keys) {
    const std::int64_t count = std::min(setting.options.block_keys, n - first);
    const auto wanted = [&](const StrandBlocks& strand) { return strand.overlaps(first, first + count); };
    if (std::none_of(strands.begin(), strands.end(), wanted)) continue;
    const KeyValueRows chunk = keys(first, count);
    check_chunk(setting, chunk, count);
    dim = chunk.value.size(3);
    for (StrandBlocks& strand : strands) visit_chunk(setting, strand, chunk, first, visit);
  }
  return dim;
}

}  // namespace ringattn::oracle
