#include "compare/reference.h"

#include "compare/reference_exact.h"
#include "compare/reference_formula.h"
#include "config/error.h"
#include "measure/clock.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

namespace ringattn {
namespace {

bool is_low_precision(at::ScalarType dtype) { return dtype == at::kBFloat16 || dtype == at::kHalf; }

/// Positions of the judged rows; all for none.
Positions positions_of(const std::vector<std::int64_t>& rows, std::int64_t seq_len) {
  if (rows.empty()) return {{.first = 0, .count = seq_len, .step = 1}};
  Positions positions;
  for (const std::int64_t row : rows) positions.push_back({.first = row, .count = 1, .step = 1});
  return positions;
}

at::Tensor rows_of(const at::Tensor& query, const std::vector<std::int64_t>& rows) {
  return rows.empty() ? query : query.index_select(1, at::tensor(rows, at::kLong));
}

/// The positions at some places among the judged rows.
std::vector<std::int64_t> picked(const std::vector<std::int64_t>& rows, const std::vector<std::int64_t>& some) {
  if (rows.empty()) return some;
  std::vector<std::int64_t> positions;
  for (const std::int64_t place : some) positions.push_back(rows[static_cast<std::size_t>(place)]);
  return positions;
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

OracleContext context_of(const Reference& expected) {
  return {.baseline = expected.library,
          .baseline_kind = BaselineKind::library_kernel,
          .single_key_rows = expected.single_key_rows,
          .inputs = expected.magnitude,
          .sensitivity = expected.sensitivity,
          .projection = expected.projection};
}

GradientContext context_of(const GradientReference& expected) {
  return {.baseline = expected.library,
          .sensitivity = expected.sensitivity,
          .inputs = expected.magnitude,
          .shared = expected.shared};
}

const ReferenceBook::Inputs& ReferenceBook::inputs_of(at::ScalarType dtype) {
  const auto found = full_.find(dtype);
  if (found != full_.end()) return found->second;
  const Positions all{{.first = 0, .count = inputs_.seq_len(), .step = 1}};
  const auto rows = [&](InputTensor which) { return inputs_.rows(which, all, dtype); };
  return full_[dtype] = {rows(InputTensor::query), rows(InputTensor::key), rows(InputTensor::value)};
}

const ReferenceBook::Inputs& ReferenceBook::exact_inputs_of(at::ScalarType dtype) {
  if (projected_ == nullptr) return inputs_of(dtype);
  const auto found = exact_.find(dtype);
  if (found != exact_.end()) return found->second;
  const Positions all{{.first = 0, .count = inputs_.seq_len(), .step = 1}};
  const auto rows = [&](InputTensor which) { return projected_->exact_rows(which, all, dtype); };
  return exact_[dtype] = {rows(InputTensor::query), rows(InputTensor::key), rows(InputTensor::value)};
}

template <typename Made, typename Make>
const Made& ReferenceBook::entry_of(Entries<Made>& entries, const AttentionFunction& function, at::ScalarType dtype,
                                    const Make& make) {
  for (const auto& entry : entries) {
    if (entry->dtype == dtype && entry->function == function) return entry->reference;
  }
  const std::int64_t begin = now_ns();
  entries.push_back(std::make_unique<Entry<Made>>(Entry<Made>{function, dtype, make()}));
  Made& made = entries.back()->reference;
  made.oracle_ns = now_ns() - begin;
  spent_ns_ += made.oracle_ns;
  return made;
}

const Reference& ReferenceBook::of(const AttentionFunction& function, at::ScalarType dtype) {
  return entry_of(entries_, function, dtype, [&] { return make(function, dtype); });
}

const GradientReference& ReferenceBook::gradients_of(const AttentionFunction& function, at::ScalarType dtype) {
  return entry_of(gradient_entries_, function, dtype, [&] {
    std::vector<std::int64_t> all(static_cast<std::size_t>(inputs_.seq_len()));
    std::iota(all.begin(), all.end(), 0);
    return gradients_at(function, dtype, all);
  });
}

at::Tensor ReferenceBook::mask_of(const AttentionFunction& function) {
  if (function.mask.kind == MaskKind::none) return {};
  if (function.mask != inputs_.mask_shape())
    throw UsageError("mask: the function takes another kind of attention mask than the inputs hold");
  const bool by_key = function.mask.kind == MaskKind::keys;
  if (!mask_.defined())
    mask_ = inputs_.mask(positions_of(by_key ? std::vector<std::int64_t>{} : rows_, inputs_.seq_len()));
  return mask_;
}

Reference ReferenceBook::make(const AttentionFunction& function, at::ScalarType dtype) {
  const Inputs& full = inputs_of(dtype);
  const at::Tensor mask = mask_of(function);
  const FormulaInputs inputs{function, rows_, rows_of(full.query, rows_), full.key, full.value, mask};
  if (projected_ != nullptr) return make_projected(inputs, dtype);
  Exact exact = evaluate_exactly(inputs);
  Reference reference{.oracle = std::move(exact.oracle),
                      .library = {},
                      .plain = {},
                      .single_key_rows = single_key_rows(inputs),
                      .magnitude = magnitude_of(inputs, full.query),
                      .projection = {},
                      .sensitivity = std::move(exact.sensitivity)};
  if (dtype != at::kDouble) reference.library = library_attention(inputs);
  if (is_low_precision(dtype)) reference.plain = plain_attention(inputs);
  return reference;
}

GradientReference ReferenceBook::gradients_at(const AttentionFunction& function, at::ScalarType dtype,
                                              const std::vector<std::int64_t>& key_rows) {
  if (projected_ != nullptr) throw UsageError("grad_out: no gradient is taken through projections");
  const Inputs& full = inputs_of(dtype);
  const FormulaInputs inputs{function, rows_, rows_of(full.query, rows_), full.key, full.value, mask_of(function)};
  const at::Tensor grad_out = inputs_.rows(InputTensor::grad_out, positions_of(rows_, inputs_.seq_len()), dtype);
  OracleGradient exact = evaluate_gradient_exactly(inputs, grad_out, key_rows);
  GradientReference reference{.oracle = {exact.query, exact.key, exact.value},
                              .sensitivity = std::move(exact.sensitivity),
                              .library = {},
                              .plain = {},
                              .magnitude = magnitude_of(inputs, full.query),
                              .shared = function.heads / function.key_heads()};
  const auto at_keys = [&](const Gradients& all) {
    return Gradients{all.query, rows_of(all.key, key_rows), rows_of(all.value, key_rows)};
  };
  if (dtype != at::kDouble) reference.library = at_keys(library_gradient(inputs, grad_out));
  if (is_low_precision(dtype)) reference.plain = at_keys(plain_gradient(inputs, grad_out));
  return reference;
}

Reference ReferenceBook::make_projected(const FormulaInputs& rounded, at::ScalarType dtype) {
  const Inputs& full = exact_inputs_of(dtype);
  const FormulaInputs inputs{rounded.function, rows_, rows_of(full.query, rows_), full.key, full.value, rounded.mask};
  const bool is_identity = projected_->projection(dtype).is_identity();
  const ProjectionMagnitude magnitude = projection_magnitude_of(inputs, full.query, *projected_, dtype);
  Exact exact = evaluate_exactly(inputs, *projected_, dtype);
  Reference reference{.oracle = std::move(exact.oracle),
                      .library = {},
                      .plain = {},
                      .single_key_rows = is_identity ? single_key_rows(inputs) : at::Tensor(),
                      .magnitude = magnitude_of(inputs, full.query),
                      .projection = is_identity ? std::nullopt : std::optional(magnitude),
                      .sensitivity = std::move(exact.sensitivity)};
  if (dtype != at::kDouble) reference.library = project_out(library_attention(rounded));
  if (is_low_precision(dtype)) reference.plain = project_out(plain_attention(rounded));
  return reference;
}

Partial ReferenceBook::project_out(const Partial& core) const {
  if (projected_ == nullptr) return core;
  return {projected_->projection(core.out.scalar_type()).project_out(core.out), core.lse};
}

Partial ReferenceBook::with_defects(const AttentionFunction& function, const Defects& defects, at::ScalarType dtype,
                                    const std::vector<std::int64_t>& some) {
  const std::int64_t begin = now_ns();
  const Inputs& full = exact_inputs_of(dtype);
  OracleOptions options{.query_rows = rows_, .mask = mask_of(function), .defects = defects};
  if (!some.empty()) {
    options.query_rows = picked(rows_, some);
    if (function.mask.kind == MaskKind::scores)
      options.mask = options.mask.index_select(2, at::tensor(some, at::kLong));
  }
  const OracleResult result = evaluate_oracle(function, full.query, full.key, full.value, options);
  const at::Tensor out =
      projected_ != nullptr ? projected_->exact_projection(dtype).project_out(result.out) : result.out;
  spent_ns_ += now_ns() - begin;
  return {out, result.lse};
}

Partial ReferenceBook::judged(const Partial& full) const {
  if (rows_.empty()) return full;
  const at::Tensor index = at::tensor(rows_, at::kLong);
  return {full.out.index_select(1, index), full.lse.defined() ? full.lse.index_select(2, index) : at::Tensor()};
}

Gradients ReferenceBook::judged(const Gradients& full) const {
  return {rows_of(full.query, rows_), full.key, full.value};
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
  const auto documents = static_cast<std::int64_t>(function.documents.size()) - 1;
  if (documents > 0) {
    for (const std::int64_t document : {std::int64_t{0}, documents / 2, documents - 1}) {
      const auto d = static_cast<std::size_t>(document);
      add_ends(rows, function.documents[d], function.documents[d + 1]);
    }
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
