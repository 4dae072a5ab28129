#include "config/error.h"
#include "config/pattern_spec.h"
#include "pattern/pattern.h"

#include <fmt/format.h>

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

}  // namespace

void check_runs(const AttentionFunction& f) {
  check_sizes(f);
  validate(f.axes, f.pairs.size());
  if (!(f.dropout >= 0.0 && f.dropout <= 1.0))
    throw UsageError(fmt::format("dropout: {} is out of range; a probability in [0, 1]", f.dropout));
}

}  // namespace ringattn
