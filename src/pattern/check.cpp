#include "config/error.h"
#include "config/pattern_spec.h"
#include "pattern/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace ringattn {
namespace {

void check_sizes(const AttentionFunction& f) {
  if (f.seq_len < 1) throw UsageError(fmt::format("seq_len: {} is out of range; at least 1", f.seq_len));
  if (f.heads < 1) throw UsageError(fmt::format("heads: {} is out of range; at least 1", f.heads));
  if (f.kv_heads < 0 || f.heads % f.key_heads() != 0)
    throw UsageError(fmt::format("kv_heads: {} does not divide heads {}", f.kv_heads, f.heads));
  if (f.pairs.empty())
    throw UsageError(
        "segment_lengths: the pattern has no pairs; at least one (segment length, dilation rate) is needed");
  for (const Pair& pair : f.pairs) {
    if (pair.segment_length < 1 || pair.dilation_rate < 1)
      throw UsageError(
          fmt::format("segment_lengths, dilation_rates: the pair ({}, {}) is out of range; both must be at least 1",
                      pair.segment_length, pair.dilation_rate));
  }
}

/// Refuses rows that are no whole blocks.
void check_whole(const char* field, std::int64_t rows, std::int64_t block_size) {
  if (rows % block_size == 0) return;
  const std::int64_t below = rows / block_size * block_size;
  const std::string nearest =
      below > 0 ? fmt::format("{} or {}", below, below + block_size) : std::to_string(block_size);
  throw UsageError(
      fmt::format("{}: {} is not whole blocks of {} rows (pattern/blocks/block_size); the nearest that is: {}", field,
                  rows, block_size, nearest));
}

void check_blocks(const AttentionFunction& f) {
  if (f.blocks.rule == BlockRule::none) return;
  validate(f.blocks);
  if (f.blocks.rule == BlockRule::dilated && f.blocks.rates.empty())
    throw UsageError("pattern/blocks/rates: rule \"dilated\" has none; at least one is needed");
  check_whole("seq_len", f.seq_len, f.blocks.block_size);
  if (f.axes.placement == Placement::whole) return;
  for (const Pair& pair : f.pairs)
    check_whole("segment_lengths", std::min(pair.segment_length, f.seq_len), f.blocks.block_size);
}

}  // namespace

void check_runs(const AttentionFunction& f) {
  check_sizes(f);
  validate(f.axes, f.pairs.size());
  if (!(f.dropout >= 0.0 && f.dropout <= 1.0))
    throw UsageError(fmt::format("dropout: {} is out of range; a probability in [0, 1]", f.dropout));
  check_blocks(f);
}

}  // namespace ringattn
