#include "attention/attends.h"
#include "attention/oracle_curve.h"
#include "config/error.h"

#include <algorithm>
#include <cmath>
#include <string>

// What an AttentionFunction must satisfy to mean anything.

namespace ringattn {
namespace {

void require_positive(const std::string& field, std::int64_t value) {
  if (value < 1) throw UsageError(field + ": " + std::to_string(value) + " must be at least 1");
}

void check_pairs(const AttentionFunction& function) {
  if (function.pairs.empty()) throw UsageError("pairs: the list is empty; a pattern has at least one (w, r) pair");
  for (std::size_t i = 0; i < function.pairs.size(); ++i) {
    require_positive("pairs/" + std::to_string(i) + "/segment_length", function.pairs[i].segment_length);
    require_positive("pairs/" + std::to_string(i) + "/dilation_rate", function.pairs[i].dilation_rate);
  }
}

void check_heads(const AttentionFunction& function) {
  require_positive("heads", function.heads);
  if (function.kv_heads < 0 || function.heads % function.key_heads() != 0) {
    throw UsageError("kv_heads: " + std::to_string(function.kv_heads) + " must divide the " +
                     std::to_string(function.heads) + " query heads (0: as many as those)");
  }
}

void check_window(const Window& window) {
  for (const auto& [field, value] : {std::pair{"window/left", window.left}, {"window/right", window.right}}) {
    if (value < -1) {
      throw UsageError(std::string(field) + ": " + std::to_string(value) +
                       " must be a number of positions, or -1 for no limit");
    }
  }
}

/// 0 = d_0 < d_1 < … < d_m = n.
void check_documents(const AttentionFunction& function) {
  const std::vector<std::int64_t>& d = function.documents;
  if (d.empty()) return;
  const auto wrong = [](std::size_t i, std::int64_t value, const std::string& right) {
    throw UsageError("documents/" + std::to_string(i) + ": " + std::to_string(value) + " must be " + right +
                     " (cumulative lengths from 0 to the sequence length, ascending)");
  };
  if (d.front() != 0) wrong(0, d.front(), "0");
  for (std::size_t i = 1; i < d.size(); ++i) {
    if (d[i] <= d[i - 1]) wrong(i, d[i], "more than " + std::to_string(d[i - 1]));
  }
  if (d.back() != function.seq_len) wrong(d.size() - 1, d.back(), std::to_string(function.seq_len));
}

void check_numbers(const AttentionFunction& function) {
  if (!(function.dropout >= 0.0 && function.dropout <= 1.0))
    throw UsageError("dropout: " + std::to_string(function.dropout) + " must be a probability, 0 to 1");
  if (function.softmax_scale && !std::isfinite(*function.softmax_scale))
    throw UsageError("softmax_scale: " + std::to_string(*function.softmax_scale) + " must be a finite number");
}

/// Several pairs reach one row iff each has all heads and they are not laid side by side.
void check_join(const AttentionFunction& function) {
  const PatternAxes& axes = function.axes;
  const std::size_t pairs = function.pairs.size();
  if (pairs == 1) return;
  const std::string count = std::to_string(pairs) + " pairs";
  const bool all_heads = axes.heads == HeadRule::all;
  const bool spans = axes.placement == Placement::spans;
  const bool meet = all_heads && !spans;
  if (axes.join == JoinRule::single && meet) {
    throw UsageError("axes/join: 'single' has no meaning where " + count +
                     " meet on a row, as heads 'all' lets them; use 'softmax' or 'mean', or heads in groups");
  }
  if (axes.join == JoinRule::groups && all_heads) {
    throw UsageError("axes/join: 'groups' divides by the number of head groups, but heads 'all' has none and " + count +
                     "; use " + (spans ? "'single'" : "'softmax' or 'mean'") + ", or heads in groups");
  }
  if (axes.join == JoinRule::mean && !meet) {
    throw UsageError("axes/join: 'mean' averages pairs that meet on a row, but these " + count + " never do (" +
                     (spans ? "placement 'spans' lays them side by side); use 'single'"
                            : "each has heads of its own); use 'groups', or heads 'all'"));
  }
}

/// Lengths of the segments of a pair in which dilation counts places.
std::vector<std::int64_t> dilated_lengths(const AttentionFunction& function, std::size_t pair) {
  const std::int64_t n = function.seq_len;
  const std::int64_t w = std::min(function.pairs[pair].segment_length, n);
  switch (function.axes.placement) {
    case Placement::tiles:
      if (n % w != 0 && function.axes.tail == TailRule::shortened) return {w, n % w};
      return {w};
    case Placement::spans: {
      std::int64_t first = 0;
      for (std::size_t j = 0; j < pair; ++j) first += std::min(function.pairs[j].segment_length, n - first);
      if (first < n) return {std::min(w, n - first)};
      return {};
    }
    case Placement::first:
      return {w};
    case Placement::whole:
      return {n};
  }
  return {};
}

/// Every curve that is walked must exist; a pair of rate 1 walks none, unless blocks are cut along it.
void check_order(const AttentionFunction& function) {
  const PatternAxes& axes = function.axes;
  if (axes.order == OrderRule::position) return;
  const bool has_blocks = function.blocks.rule != BlockRule::none;
  const bool in_segment = has_blocks || axes.queries == QueryRule::dilated || axes.keys == KeyRule::dilated ||
                          axes.keys == KeyRule::residue;
  for (std::size_t i = 0; i < function.pairs.size(); ++i) {
    if (function.pairs[i].dilation_rate == 1 && !has_blocks) continue;
    if (axes.keys == KeyRule::sequence) oracle::curve_of(axes.order, function.seq_len, function.curve);
    if (!in_segment) continue;
    for (const std::int64_t length : dilated_lengths(function, i)) oracle::curve_of(axes.order, length, function.curve);
  }
}

/// Whole blocks, and numbers that the rule can read.
void check_blocks(const AttentionFunction& function) {
  const BlockSparsity& blocks = function.blocks;
  if (blocks.rule == BlockRule::none) return;
  require_positive("blocks/block_size", blocks.block_size);
  const auto require_whole = [&](const std::string& field, std::int64_t rows) {
    if (rows % blocks.block_size == 0) return;
    throw UsageError(field + ": " + std::to_string(rows) + " rows are no whole blocks of " +
                     std::to_string(blocks.block_size));
  };
  require_whole("seq_len", function.seq_len);
  for (const Pair& pair : function.pairs) {
    if (function.axes.placement != Placement::whole)
      require_whole("pairs/segment_length", std::min(pair.segment_length, function.seq_len));
  }
  if (!(blocks.sparsity_ratio >= 0.0 && blocks.sparsity_ratio < 1.0))
    throw UsageError("blocks/sparsity_ratio: " + std::to_string(blocks.sparsity_ratio) + " must be in [0, 1)");
  if (blocks.rule == BlockRule::global_local) require_positive("blocks/global_blocks", blocks.global_blocks);
  if (blocks.rule == BlockRule::grid) require_positive("blocks/grid_width", blocks.grid_width);
  if (blocks.rule == BlockRule::dilated && blocks.rates.empty()) throw UsageError("blocks/rates: the list is empty");
  for (const std::int64_t rate : blocks.rates) require_positive("blocks/rates", rate);
}

}  // namespace

void check_function(const AttentionFunction& function) {
  require_positive("seq_len", function.seq_len);
  check_heads(function);
  check_pairs(function);
  check_window(function.window);
  check_documents(function);
  check_numbers(function);
  check_join(function);
  check_blocks(function);
  check_order(function);
}

}  // namespace ringattn
