#include "compare/reference.h"

#include "compare/definition_mask.h"
#include "measure/clock.h"

#include <ATen/ATen.h>
#include <ATen/ops/_scaled_dot_product_flash_attention_for_cpu.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

namespace ringattn {
namespace {

bool is_low_precision(at::ScalarType dtype) { return dtype == at::kBFloat16 || dtype == at::kHalf; }

/// Rows without key are 0, whatever a kernel makes of a wholly hidden row; then ÷ G.
Partial finished(const at::Tensor& out, const at::Tensor& lse, const DefinitionMask& mask) {
  const at::Tensor empty = (mask.keys == 0).unsqueeze(0);  // (1, heads, rows)
  return {out.masked_fill(empty.transpose(1, 2).unsqueeze(-1), 0.0).mul(mask.scale),
          lse.masked_fill(empty, -std::numeric_limits<double>::infinity())};
}

/// query (batch, rows, heads, dim), key and value (batch, n, heads, dim). One head at a time, so that one head's mask
/// is alive in the dtype.
Partial library_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                          const DefinitionMask& mask) {
  std::vector<at::Tensor> outs, lses;
  for (std::int64_t head = 0; head < query.size(2); ++head) {
    const auto rows_of = [head](const at::Tensor& tensor) { return tensor.narrow(2, head, 1).transpose(1, 2); };
    const at::Tensor bias = mask.additive[head].to(query.scalar_type()).unsqueeze(0).unsqueeze(0);
    auto [out, lse] =
        at::_scaled_dot_product_flash_attention_for_cpu(rows_of(query), rows_of(key), rows_of(value), 0.0, false, bias);
    outs.push_back(out.transpose(1, 2));
    lses.push_back(lse);
  }
  return finished(at::cat(outs, 2), at::cat(lses, 1), mask);
}

/// The formula as an engineer writes it: products, softmax and products again, each rounded to the inputs' dtype.
Partial plain_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                        const DefinitionMask& mask) {
  const double scale = 1.0 / std::sqrt(static_cast<double>(query.size(3)));
  std::vector<at::Tensor> outs, lses;
  for (std::int64_t head = 0; head < query.size(2); ++head) {
    const auto rows_of = [head](const at::Tensor& tensor) { return tensor.select(2, head); };  // (batch, rows, dim)
    const at::Tensor scores = at::matmul(rows_of(query), rows_of(key).transpose(-2, -1)) * scale +
                              mask.additive[head].to(query.scalar_type());
    outs.push_back(at::matmul(at::softmax(scores, -1), rows_of(value)).unsqueeze(2));
    lses.push_back(at::logsumexp(scores.to(at::kFloat), -1).unsqueeze(1));
  }
  return finished(at::cat(outs, 2), at::cat(lses, 1), mask);
}

void add_ends(std::set<std::int64_t>& rows, std::int64_t begin, std::int64_t end, std::int64_t step = 1) {
  if (begin >= end) return;
  const std::int64_t last = begin + (end - 1 - begin) / step * step;
  for (std::int64_t i = 0; i < 4; ++i) {
    rows.insert(std::min(last, begin + i * step));
    rows.insert(std::max(begin, last - i * step));
  }
}

}  // namespace

const ReferenceBook::Inputs& ReferenceBook::inputs_of(at::ScalarType dtype) {
  const auto found = full_.find(dtype);
  if (found != full_.end()) return found->second;
  const Positions all{{.first = 0, .count = inputs_.seq_len(), .step = 1}};
  const auto rows = [&](InputTensor which) { return inputs_.rows(which, all, dtype); };
  return full_[dtype] = {rows(InputTensor::query), rows(InputTensor::key), rows(InputTensor::value)};
}

const Reference& ReferenceBook::of(const AttentionFunction& function, at::ScalarType dtype) {
  for (const std::unique_ptr<Entry>& entry : entries_) {
    if (entry->dtype == dtype && entry->function == function) return entry->reference;
  }
  const std::int64_t begin = now_ns();
  entries_.push_back(std::make_unique<Entry>(Entry{function, dtype, make(function, dtype)}));
  entries_.back()->reference.oracle_ns = now_ns() - begin;
  spent_ns_ += entries_.back()->reference.oracle_ns;
  return entries_.back()->reference;
}

Reference ReferenceBook::make(const AttentionFunction& function, at::ScalarType dtype) {
  const Inputs& full = inputs_of(dtype);
  const OracleResult exact = evaluate_oracle(function, full.query, full.key, full.value, {.query_rows = rows_});
  const at::Tensor query = rows_.empty() ? full.query : full.query.index_select(1, at::tensor(rows_, at::kLong));
  const DefinitionMask mask = definition_mask(function, rows_);
  Reference reference{.oracle = {exact.out, exact.lse},
                      .library = {},
                      .plain = {},
                      .single_key_rows = (mask.keys == 1).unsqueeze(0),
                      .magnitude = input_magnitude(full.query, full.key, full.value)};
  if (dtype != at::kDouble) reference.library = library_attention(query, full.key, full.value, mask);
  if (is_low_precision(dtype)) reference.plain = plain_attention(query, full.key, full.value, mask);
  return reference;
}

Partial ReferenceBook::with_defects(const AttentionFunction& function, const Defects& defects, at::ScalarType dtype) {
  const std::int64_t begin = now_ns();
  const Inputs& full = inputs_of(dtype);
  const OracleResult result =
      evaluate_oracle(function, full.query, full.key, full.value, {.query_rows = rows_, .defects = defects});
  spent_ns_ += now_ns() - begin;
  return {result.out, result.lse};
}

Partial ReferenceBook::judged(const Partial& full) const {
  if (rows_.empty()) return full;
  const at::Tensor index = at::tensor(rows_, at::kLong);
  return {full.out.index_select(1, index), full.lse.defined() ? full.lse.index_select(2, index) : at::Tensor()};
}

std::int64_t ReferenceBook::take_spent_ns() { return std::exchange(spent_ns_, 0); }

std::vector<std::int64_t> judged_rows(const AttentionFunction& function, std::int64_t batch, std::int64_t head_dim,
                                      const std::vector<Positions>& shards, double flops_max,
                                      std::int64_t samples_max) {
  const auto n = static_cast<double>(function.seq_len);
  const double flops = 4.0 * static_cast<double>(batch * function.heads * head_dim) * n * n;
  if (flops <= flops_max) return {};
  std::set<std::int64_t> rows;
  for (const Positions& shard : shards) {
    for (const PositionRun& run : shard)
      add_ends(rows, run.first, run.first + (run.count - 1) * run.step + 1, run.step);
  }
  for (const Pair& pair : function.pairs) {
    const std::int64_t length = std::min(pair.segment_length, function.seq_len);
    const std::int64_t segments = (function.seq_len + length - 1) / length;
    for (const std::int64_t segment : {std::int64_t{0}, segments / 2, segments - 1})
      add_ends(rows, segment * length, std::min(function.seq_len, (segment + 1) * length));
  }
  std::vector<std::int64_t> ascending(rows.begin(), rows.end());
  if (static_cast<std::int64_t>(ascending.size()) <= samples_max) return ascending;
  std::vector<std::int64_t> thinned;
  const auto have = static_cast<std::int64_t>(ascending.size());
  for (std::int64_t i = 0; i < samples_max; ++i)
    thinned.push_back(ascending[static_cast<std::size_t>(i * (have - 1) / (samples_max - 1))]);
  return thinned;
}

}  // namespace ringattn
