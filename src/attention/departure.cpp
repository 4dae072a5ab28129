#include "attention/departure.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <set>
#include <utility>

namespace ringattn::oracle {
namespace {

constexpr double minus_infinity = -std::numeric_limits<double>::infinity();

/// All rows, fp64, (batch, heads, n + 1, dim): the row n is the zero row of padding. Key heads as many as query heads.
struct Rows {
  at::Tensor query, key, value;
  double softmax_scale = 1.0;
  at::Tensor mask{};                                ///< (batch or 1, 1 or heads, 1 or rows, n + 1); undefined: none
  std::map<std::int64_t, std::int64_t> mask_row{};  ///< of a row of the sequence; empty: the same number
};

at::Tensor with_zero_row(const at::Tensor& tensor, std::int64_t heads) {
  const at::Tensor all = tensor.to(at::kDouble).transpose(1, 2);
  const at::Tensor spread = all.repeat_interleave(heads / tensor.size(2), 1);
  return at::cat({spread, at::zeros_like(spread.narrow(2, 0, 1))}, 2).contiguous();
}

at::Tensor index_of(const std::vector<std::int64_t>& values, const at::Tensor& like) {
  return at::tensor(values, at::kLong).to(like.device());
}

/// (batch, heads, slots, dim) of `positions`; padding, like all that is outside the sequence, is a row of zeros.
at::Tensor take(const at::Tensor& rows, const Block& block, std::vector<std::int64_t> positions) {
  const std::int64_t n = rows.size(2) - 1;
  for (std::int64_t& position : positions) {
    if (position < 0 || position >= n) position = n;
  }
  return rows.index_select(1, index_of(block.heads, rows)).index_select(2, index_of(positions, rows));
}

/// A mask by key or by query and key, with a column for the row of zeros, which nobody masks.
at::Tensor with_open_column(const at::Tensor& mask, MaskKind kind) {
  const at::Tensor wide = kind == MaskKind::keys ? mask.unsqueeze(1).unsqueeze(1) : mask;
  const at::Tensor column = wide.narrow(3, 0, 1);
  const bool is_boolean = mask.scalar_type() == at::kBool;
  return at::cat({wide, is_boolean ? at::ones_like(column) : at::zeros_like(column)}, 3);
}

template <typename Slot>
std::vector<std::int64_t> positions_of(std::span<const Slot> slots) {
  std::vector<std::int64_t> positions;
  positions.reserve(slots.size());
  for (const Slot& slot : slots) positions.push_back(slot.position);
  return positions;
}

/// (queries, keys), true where the query does not see the key.
at::Tensor hidden_keys(const Block& block, std::span<const QuerySlot> queries, std::span<const KeySlot> keys) {
  const auto rows = static_cast<std::int64_t>(queries.size()), columns = static_cast<std::int64_t>(keys.size());
  at::Tensor hidden = at::zeros({rows, columns}, at::kBool);
  if (!block.sees) return hidden;
  bool* next = hidden.mutable_data_ptr<bool>();
  for (const QuerySlot& query : queries) {
    for (const KeySlot& key : keys) *next++ = !block.sees(query, key);
  }
  return hidden;
}

/// The mask of the call, on scores (batch, heads, queries, keys).
void apply_mask(const Rows& rows, const Block& block, std::span<const QuerySlot> queries, std::span<const KeySlot> keys,
                at::Tensor& scores) {
  if (!rows.mask.defined()) return;
  const std::int64_t n = rows.query.size(2) - 1;
  std::vector<std::int64_t> columns = positions_of(keys), lines;
  for (std::int64_t& column : columns) column = column < 0 || column >= n ? n : column;
  for (const QuerySlot& query : queries)
    lines.push_back(rows.mask_row.empty() ? query.target : rows.mask_row.at(query.target));
  at::Tensor mask = rows.mask.index_select(3, index_of(columns, rows.mask));
  if (mask.size(1) > 1) mask = mask.index_select(1, index_of(block.heads, mask));
  if (mask.size(2) > 1) mask = mask.index_select(2, index_of(lines, mask));
  if (mask.scalar_type() == at::kBool) {
    scores.masked_fill_(mask.logical_not(), minus_infinity);
  } else {
    scores.add_(mask);
  }
}

/// m, Z and U of the queries over some keys.
StepResult attend(const Rows& rows, const Block& block, std::span<const QuerySlot> queries,
                  std::span<const KeySlot> keys) {
  std::vector<double> counts;
  for (const KeySlot& slot : keys) counts.push_back(slot.count);
  const at::Tensor query = take(rows.query, block, positions_of(queries));
  const at::Tensor value = take(rows.value, block, positions_of(keys));
  const at::Tensor key = keys.front().is_value ? value : take(rows.key, block, positions_of(keys));
  at::Tensor scores = at::matmul(query, key.transpose(-2, -1)) * rows.softmax_scale;
  scores.masked_fill_(hidden_keys(block, queries, keys).to(scores.device()), minus_infinity);
  apply_mask(rows, block, queries, keys, scores);
  StepResult result;
  result.maximum = scores.amax(-1, true);
  const at::Tensor shift = result.maximum.masked_fill(result.maximum == minus_infinity, 0.0);
  const at::Tensor weights = at::exp(scores - shift) * at::tensor(counts, at::kDouble).to(scores.device());
  result.sum = weights.sum(-1, true);
  result.weighted = at::matmul(weights, value);
  return result;
}

StepResult run_step(const Rows& rows, const Block& block, std::span<const QuerySlot> queries, const Step& step) {
  if (step.keys.empty()) return {};
  StepResult result = attend(rows, block, queries, step.keys);
  if (!step.weigher) return result;
  std::vector<QuerySlot> others;
  for (const QuerySlot& query : queries) others.push_back(step.weigher(query));
  result.weigher = attend(rows, block, others, step.keys).lse();
  return result;
}

/// (rows, heads, heads), true where a head of the row does not see a head.
at::Tensor hidden_heads(const Block& block, std::span<const QuerySlot> queries) {
  std::vector<KeySlot> heads(block.heads.size());
  for (std::size_t h = 0; h < heads.size(); ++h) heads[h].slot = static_cast<std::int64_t>(h);
  std::vector<at::Tensor> rows;
  for (const QuerySlot& query : queries) {
    std::vector<QuerySlot> own(heads.size(), query);
    for (std::size_t h = 0; h < own.size(); ++h) own[h].slot = static_cast<std::int64_t>(h);
    rows.push_back(hidden_keys(block, own, heads));
  }
  return at::stack(rows);
}

/// Heads meet heads at one position: out[p, a] = Σ_b softmax_b(q[p, a] · k[p', b]) v[p', b].
at::Tensor mix_heads(const Rows& rows, const Block& block, std::span<const QuerySlot> queries) {
  std::vector<std::int64_t> key_positions;
  const std::vector<KeySlot>& keys = block.steps.front().keys;
  for (const QuerySlot& query : queries) {
    const bool has_key = query.slot < static_cast<std::int64_t>(keys.size());
    key_positions.push_back(has_key ? keys[static_cast<std::size_t>(query.slot)].position : query.position);
  }
  const auto by_position = [](const at::Tensor& tensor) { return tensor.transpose(1, 2); };
  const at::Tensor query = by_position(take(rows.query, block, positions_of(queries)));
  const at::Tensor key = by_position(take(rows.key, block, key_positions));
  at::Tensor scores = at::matmul(query, key.transpose(-2, -1)) * rows.softmax_scale;
  if (block.sees) scores.masked_fill_(hidden_heads(block, queries).to(scores.device()), minus_infinity);
  const at::Tensor value = by_position(take(rows.value, block, key_positions));
  return at::matmul(at::softmax(scores, -1), value).transpose(1, 2);
}

/// Heads meet heads feature by feature: with q[j, a] the row of feature j over the segment's positions,
/// mixed[j, a] = Σ_b softmax_b(q[j, a] · k[j, b]) v[j, b], whose entry f becomes feature f of row j.
at::Tensor mix_heads_of_features(const Rows& rows, const Block& block, std::span<const QuerySlot> queries) {
  std::vector<std::int64_t> positions, own;
  for (std::int64_t i = 0; i < block.length; ++i) positions.push_back(block.begin + i);
  for (const QuerySlot& query : queries) own.push_back(query.position - block.begin);
  const auto by_feature = [&](const at::Tensor& all) { return take(all, block, positions).permute({0, 3, 1, 2}); };
  at::Tensor scores = at::matmul(by_feature(rows.query), by_feature(rows.key).transpose(-2, -1)) * rows.softmax_scale;
  const std::vector<QuerySlot> features(positions.size());
  if (block.sees) scores.masked_fill_(hidden_heads(block, features).to(scores.device()), minus_infinity);
  const at::Tensor mixed = at::matmul(at::softmax(scores, -1), by_feature(rows.value)).transpose(1, 2);
  return mixed.index_select(2, index_of(own, mixed));
}

at::Tensor run_block(const Rows& rows, const Block& block, std::span<const QuerySlot> queries, MergeRule merge) {
  if (block.swaps_features && block.length == rows.query.size(3)) return mix_heads_of_features(rows, block, queries);
  if (block.mixes_heads) return mix_heads(rows, block, queries);
  StepResults steps;
  for (const Step& step : block.steps) steps.push_back(run_step(rows, block, queries, step));
  const bool any = std::any_of(steps.begin(), steps.end(), [](const StepResult& step) { return step.has_keys(); });
  if (any) return merge(steps);
  return at::zeros({rows.value.size(0), static_cast<std::int64_t>(block.heads.size()),
                    static_cast<std::int64_t>(queries.size()), rows.value.size(3)},
                   rows.value.options());
}

/// The queries whose result stays and is wanted: of several slots for one row the last one wins.
std::vector<QuerySlot> staying(const Block& block, const std::set<std::int64_t>& wanted, std::int64_t n) {
  std::set<std::int64_t> written;
  std::vector<QuerySlot> queries;
  for (const QuerySlot& slot : std::vector<QuerySlot>(block.queries.rbegin(), block.queries.rend())) {
    if (slot.target < 0 || slot.target >= n) continue;
    const bool is_wanted = wanted.empty() || wanted.count(slot.target) > 0;
    if (is_wanted && written.insert(slot.target).second) queries.push_back(slot);
  }
  std::reverse(queries.begin(), queries.end());
  return queries;
}

/// Adds the block's results to the rows that they belong to. out: (batch, heads, n, dim).
void add_block(const Rows& rows, const Block& block, const std::set<std::int64_t>& wanted, MergeRule merge,
               at::Tensor& out) {
  constexpr std::size_t step = 256;
  if (block.heads.empty()) return;
  const std::vector<QuerySlot> queries = staying(block, wanted, out.size(2));
  const at::Tensor heads = index_of(block.heads, out);
  for (std::size_t first = 0; first < queries.size(); first += step) {
    const auto part = std::span(queries).subspan(first, std::min(step, queries.size() - first));
    at::Tensor result = run_block(rows, block, part, merge).mul_(block.scale);
    if (block.swaps_heads && result.size(1) == result.size(3)) result = result.transpose(1, 3);
    std::vector<std::int64_t> targets;
    for (const QuerySlot& query : part) targets.push_back(query.target);
    const at::Tensor own = at::zeros({out.size(0), heads.size(0), out.size(2), out.size(3)}, out.options());
    own.index_copy_(2, index_of(targets, out), result);
    out.index_add_(1, heads, own);
  }
}

/// What a list of defects makes of a function.
struct Departed {
  AttentionFunction function;
  std::vector<Block> blocks;
  MergeRule merge = merge_exact;
};

bool bites(const Departure& row, const Defect& defect) { return defect.ranks > 1 || !row.wants_ranks; }

Departed depart(const AttentionFunction& intended, const Defects& defects) {
  Departed result{intended, {}, merge_exact};
  for (const Defect& defect : defects) {
    const Departure& row = departure_of(defect.name);
    if (bites(row, defect) && row.rewrite != nullptr) row.rewrite(result.function, defect.ranks);
  }
  result.blocks = blocks_of(result.function);
  for (const Defect& defect : defects) {
    const Departure& row = departure_of(defect.name);
    if (!bites(row, defect)) continue;
    if (row.edit != nullptr)
      row.edit(result.blocks, {intended, result.function, defect.ranks, defect.given, defect.rows});
    if (row.merge != nullptr) result.merge = row.merge;
  }
  return result;
}

/// The rows with what the defects put in place of the queries.
at::Tensor query_of(const AttentionFunction& intended, const Attended& rows, const Defects& defects) {
  for (const Defect& defect : defects) {
    const Departure& row = departure_of(defect.name);
    if (row.replace_query != nullptr && bites(row, defect)) return row.replace_query(intended, rows, defect);
  }
  return rows.query;
}

using Finish = void (*)(at::Tensor& out, const AttentionFunction& function);

Finish finish_of(const Defects& defects) {
  for (const Defect& defect : defects) {
    const Departure& row = departure_of(defect.name);
    if (row.finish != nullptr && bites(row, defect)) return row.finish;
  }
  return nullptr;
}

/// Results of the pairs, added. (batch, heads, n, dim).
at::Tensor run_blocks(const Rows& rows, const Departed& departed, const std::set<std::int64_t>& wanted, Finish finish) {
  const at::Tensor none = at::zeros_like(rows.value.narrow(2, 0, rows.value.size(2) - 1));
  at::Tensor out = none.clone();
  for (std::size_t pair = 0; pair < departed.function.pairs.size(); ++pair) {
    at::Tensor own = finish == nullptr ? out : none.clone();
    for (const Block& block : departed.blocks) {
      if (block.pair == static_cast<std::int64_t>(pair)) add_block(rows, block, wanted, departed.merge, own);
    }
    if (finish == nullptr) continue;
    finish(own, departed.function);
    out.add_(own);
  }
  return out;
}

}  // namespace

bool is_departure(const Defects& defects) {
  return std::any_of(defects.begin(), defects.end(), [](const Defect& defect) {
    return defect.name != SlotCausal::name && defect.name != CyclicMultiset::name;
  });
}

OracleResult evaluate_departure(const AttentionFunction& function, const at::Tensor& query, const at::Tensor& key,
                                const at::Tensor& value, const OracleOptions& options) {
  const std::vector<std::int64_t>& rows = options.query_rows;
  const Departed departed = depart(function, options.defects);
  const double scale = departed.function.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(query.size(3))));
  const at::Tensor asking = query_of(function, {query, key, value}, options.defects);
  Rows all{with_zero_row(asking, function.heads), with_zero_row(key, function.heads),
           with_zero_row(value, function.heads), scale};
  const MaskKind kind = departed.function.mask.kind;
  if (kind != MaskKind::none) all.mask = with_open_column(options.mask, kind);
  if (all.mask.defined() && departed.function.mask.is_additive) all.mask = all.mask.to(at::kDouble);
  for (const std::int64_t row : rows) all.mask_row.emplace(row, static_cast<std::int64_t>(all.mask_row.size()));
  std::set<std::int64_t> wanted(rows.begin(), rows.end());
  const Finish finish = finish_of(options.defects);
  if (finish != nullptr) wanted.clear();
  at::Tensor out = run_blocks(all, departed, wanted, finish).transpose(1, 2).contiguous();
  if (!rows.empty()) out = out.index_select(1, index_of(rows, out));
  return {out, {}};
}

}  // namespace ringattn::oracle
