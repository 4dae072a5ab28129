#include "config/error.h"
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

void check_join(const AttentionFunction& f) {
  const bool has_groups = f.axes.heads != HeadRule::all;
  const bool has_several = f.pairs.size() > 1;
  const bool may_meet = has_several && !has_groups && f.axes.placement != Placement::spans;
  if (f.axes.join == JoinRule::single && may_meet)
    throw UsageError(
        "pattern/join: \"single\" needs pairs that never meet on a row (heads in groups, or placement \"spans\"); use "
        "\"mean\" or \"softmax\"");
  if (f.axes.join == JoinRule::groups && has_several && !has_groups)
    throw UsageError(
        "pattern/join: \"groups\" divides by the number of head groups and has no meaning with heads \"all\"; use "
        "\"mean\" or \"softmax\"");
  if (f.axes.join == JoinRule::mean && has_several && !may_meet)
    throw UsageError(
        fmt::format("pattern/join: \"mean\" needs pairs that meet on a row, and these never do; use \"{}\"",
                    has_groups ? "groups" : "single"));
}

}  // namespace

void check_runs(const AttentionFunction& f) {
  check_sizes(f);
  check_join(f);
  if (!(f.dropout >= 0.0 && f.dropout <= 1.0))
    throw UsageError(fmt::format("dropout: {} is out of range; a probability in [0, 1]", f.dropout));
}

}  // namespace ringattn
