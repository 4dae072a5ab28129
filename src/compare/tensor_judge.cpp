#include "compare/tensor_judge.h"

#include "compare/numeric.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace ringattn {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Rows [first, first + count) of a (batch, n, heads, dim) tensor as fp64 with unit stride in dim: a view where it
/// already is that.
at::Tensor block_of(const at::Tensor& tensor, std::int64_t first, std::int64_t count) {
  if (!tensor.defined()) return {};
  at::Tensor block = tensor.narrow(1, first, count).to(at::kCPU, at::kDouble);
  return block.size(3) > 1 && block.stride(3) != 1 ? block.contiguous() : block;
}

RowsView view_of(const at::Tensor& block, std::int64_t batch, std::int64_t head) {
  if (!block.defined()) return {};
  return {block.const_data_ptr<double>() + batch * block.stride(0) + head * block.stride(2), block.stride(1)};
}

/// The judgement in progress: one block of rows of all batch indices and heads after another.
class TensorJudge {
 public:
  TensorJudge(const TensorRule& rule, bool has_dim, TensorVerdict& verdict)
      : rule_(rule), has_dim_(has_dim), verdict_(verdict) {}

  void judge_rows(const at::Tensor& got, const at::Tensor& want, const at::Tensor& baseline, std::int64_t first,
                  std::int64_t count);
  const ErrorSums& totals() const { return totals_; }
  /// The largest error of each block of rows, in order.
  const std::vector<double>& block_errors() const { return block_errors_; }

 private:
  struct Slice {
    RowsView got;
    RowsView want;
    RowsView rounded;
    RowsView baseline;
    at::Tensor exact;
    at::Tensor allowance;
    at::Tensor terms;
    std::int64_t first_row = 0;
    std::int64_t rows = 0;
    std::int64_t dims = 0;
    std::int64_t batch = 0;
    std::int64_t head = 0;

    /// Of a row of this slice in a contiguous tensor (batch, rows, heads).
    std::int64_t place_of(std::int64_t row, const at::Tensor& tensor) const {
      return (batch * rows + row) * tensor.size(2) + head;
    }
  };
  void judge_slice(const Slice& slice);
  void judge_row(const Slice& slice, std::int64_t row, const ErrorSums& sums, const ElementLimit& limit);
  BlockError judge_rmse(const Slice& slice, const ErrorSums& sums, const ErrorSums& baseline, BlockError block);
  static double mean_square_terms(const Slice& slice);
  std::int64_t inexact(const Slice& slice, std::int64_t row) const;
  static ElementLimit limit_of_row(const Slice& slice, std::int64_t row, ElementLimit limit);
  void note_bad_row(std::int64_t row) {
    if (verdict_.first_bad_row < 0 || row < verdict_.first_bad_row) verdict_.first_bad_row = row;
  }

  const TensorRule& rule_;
  bool has_dim_;
  TensorVerdict& verdict_;
  ErrorSums totals_;
  std::vector<double> block_errors_;
};

void TensorJudge::judge_rows(const at::Tensor& got, const at::Tensor& want, const at::Tensor& baseline,
                             std::int64_t first, std::int64_t count) {
  const at::Tensor a = block_of(got, first, count);
  const at::Tensor b = block_of(want, first, count);
  const at::Tensor base = block_of(baseline, first, count);
  at::Tensor exact;
  at::Tensor rounded;
  at::Tensor allowance;
  at::Tensor terms;
  if (rule_.rmse_terms.defined()) terms = rule_.rmse_terms.narrow(1, first, count).contiguous();
  if (rule_.row_allowance.defined()) allowance = rule_.row_allowance.narrow(1, first, count).contiguous();
  if (rule_.exact_rows.defined()) {
    exact = rule_.exact_rows.narrow(1, first, count).contiguous();
    rounded = block_of(b.to(got.scalar_type()), 0, count);
  }
  block_errors_.push_back(0.0);
  for (std::int64_t batch = 0; batch < a.size(0); ++batch) {
    for (std::int64_t head = 0; head < a.size(2); ++head) {
      judge_slice({view_of(a, batch, head), view_of(b, batch, head), view_of(rounded, batch, head),
                   view_of(base, batch, head), exact, allowance, terms, first, count, a.size(3), batch, head});
    }
  }
}

/// Elements of a row that must be exact and are not.
std::int64_t TensorJudge::inexact(const Slice& slice, std::int64_t row) const {
  if (!slice.exact.defined()) return 0;
  const bool demanded = slice.exact.const_data_ptr<bool>()[slice.place_of(row, slice.exact)];
  if (!demanded) return 0;
  std::int64_t wrong = 0;
  for (std::int64_t dim = 0; dim < slice.dims; ++dim) {
    const double got = slice.got.row(row)[dim], want = slice.rounded.row(row)[dim];
    const bool as_baseline = rule_.baseline_is_exact_too && got == slice.baseline.row(row)[dim];
    // Some processors' bf16 products (AMX) take numbers below the smallest normal one for 0.
    const bool is_flushed = got == 0.0 && std::abs(want) < std::numeric_limits<float>::min();
    if (got != want && !as_baseline && !is_flushed) ++wrong;
  }
  return wrong;
}

ElementLimit TensorJudge::limit_of_row(const Slice& slice, std::int64_t row, ElementLimit limit) {
  if (!slice.allowance.defined()) return limit;
  const double allowed = slice.allowance.const_data_ptr<double>()[slice.place_of(row, slice.allowance)];
  if (std::isfinite(allowed)) limit.at_least = std::max(limit.at_least, allowed);
  return limit;
}

double TensorJudge::mean_square_terms(const Slice& slice) {
  if (!slice.terms.defined()) return 0.0;
  double sum = 0.0;
  for (std::int64_t row = 0; row < slice.rows; ++row) {
    const double term = slice.terms.const_data_ptr<double>()[slice.place_of(row, slice.terms)];
    sum += term * term;
  }
  return sum / static_cast<double>(slice.rows);
}

BlockError TensorJudge::judge_rmse(const Slice& slice, const ErrorSums& sums, const ErrorSums& baseline,
                                   BlockError block) {
  const auto elements = static_cast<double>(sums.elements);
  const double rmse = std::sqrt(sums.error_squares / elements);
  const double floor = rule_.rmse_floor * std::sqrt(std::max(sums.want_squares / elements, mean_square_terms(slice)));
  const double yardstick =
      std::max(luck_of(baseline) * std::max(std::sqrt(baseline.error_squares / elements), floor), rule_.rmse_lost);
  block.allowed = 2.0;
  block.ratio = rmse == 0.0 ? 0.0 : rmse / yardstick;
  if (rmse > 2.0 * yardstick) {
    verdict_.mismatched += sums.elements;
    note_bad_row(slice.first_row);
  }
  return block;
}

/// Enters one row's errors where they matter, and whether it is bad.
void TensorJudge::judge_row(const Slice& slice, std::int64_t row, const ErrorSums& sums, const ElementLimit& limit) {
  const ElementIndex at{slice.batch, slice.first_row + row, slice.head, has_dim_ ? 0 : -1};
  std::int64_t beyond = inexact(slice, row);
  const bool is_news = sums.max_abs > verdict_.worst_abs.abs_error || sums.max_rel > verdict_.worst_rel.rel_error;
  if (is_news || sums.max_ratio >= 1.0)
    beyond += enter_row(slice.got.row(row), slice.want.row(row), slice.dims, limit, at, verdict_);
  verdict_.mismatched += beyond;
  if (beyond > 0) note_bad_row(at.row);
}

void TensorJudge::judge_slice(const Slice& slice) {
  ElementLimit limit = rule_.element;
  ErrorSums baseline;
  if (slice.baseline.data != nullptr) baseline = block_sums(slice.baseline, slice.want, slice.rows, slice.dims, limit);
  if (rule_.baseline_relaxes && std::isfinite(baseline.max_abs)) limit.at_least = 2.0 * baseline.max_abs;

  ErrorSums sums;
  for (std::int64_t row = 0; row < slice.rows; ++row) {
    const ElementLimit row_limit = limit_of_row(slice, row, limit);
    const ErrorSums of_row = row_sums(slice.got.row(row), slice.want.row(row), slice.dims, row_limit);
    judge_row(slice, row, of_row, row_limit);
    sums.add(of_row);
  }
  totals_.add(sums);
  block_errors_.back() = std::max(block_errors_.back(), sums.max_abs);
  BlockError block{slice.batch, slice.head, slice.first_row, slice.first_row + slice.rows - 1, sums.max_ratio, 1.0};
  if (rule_.by_rmse && std::isfinite(sums.max_ratio)) block = judge_rmse(slice, sums, baseline, block);
  const BlockError& worst = verdict_.worst_block;
  if (worst.last_row < 0 || block.ratio / block.allowed > worst.ratio / worst.allowed) verdict_.worst_block = block;
}

/// 1 - cos and signal-to-noise ratio, from the sums over all finite pairs.
void summarize_likeness(const ErrorSums& totals, TensorVerdict& verdict) {
  const double norms = std::sqrt(totals.got_squares) * std::sqrt(totals.want_squares);
  const bool both_zero = totals.got_squares == 0.0 && totals.want_squares == 0.0;
  verdict.one_minus_cosine = both_zero ? 0.0 : norms == 0.0 ? 1.0 : 1.0 - totals.products / norms;
  verdict.sqnr_db =
      totals.error_squares == 0.0 ? infinity : 10.0 * std::log10(totals.want_squares / totals.error_squares);
}

/// Neighbouring blocks share a place where there are more blocks than places.
ErrorProfile profile_of(const std::vector<double>& block_errors) {
  const auto blocks = static_cast<std::int64_t>(block_errors.size());
  const std::int64_t blocks_a_place = (blocks + error_places_max - 1) / error_places_max;
  ErrorProfile profile;
  for (std::int64_t block = 0; block < blocks; ++block) {
    const double error = block_errors[static_cast<std::size_t>(block)];
    if (block % blocks_a_place == 0) {
      profile.first_row.push_back(block * verdict_block_rows);
      profile.max_abs.push_back(error);
    } else {
      profile.max_abs.back() = std::max(profile.max_abs.back(), error);
    }
  }
  return profile;
}

ElementError first_element(const at::Tensor& got, const at::Tensor& want, bool has_dim) {
  const auto value = [](const at::Tensor& tensor) {
    return tensor.flatten().narrow(0, 0, 1).to(at::kDouble).item<double>();
  };
  return {{0, 0, 0, has_dim ? 0 : -1}, value(got.narrow(1, 0, 1)), value(want.narrow(1, 0, 1)), 0.0, 0.0};
}

std::string failure_reason(const TensorVerdict& verdict, const TensorRule& rule) {
  if (verdict.nonfinite_mismatched > 0) {
    return fmt::format("{}: {} elements are not finite where the expected ones are, or the other way round",
                       verdict.tensor, verdict.nonfinite_mismatched);
  }
  const BlockError& block = verdict.worst_block;
  if (rule.by_rmse && block.ratio > block.allowed) {
    return fmt::format("{}: block RMSE is {:.3g} times the baseline's, {:.3g} is allowed", verdict.tensor, block.ratio,
                       block.allowed);
  }
  if (rule.by_rmse)
    return fmt::format("{}: {} elements of rows with one key are not exact", verdict.tensor, verdict.mismatched);
  return fmt::format("{}: {} of {} elements are off by more than allowed, at worst {:.3g} times", verdict.tensor,
                     verdict.mismatched, verdict.elements, block.ratio);
}

}  // namespace

double luck_of(const ErrorSums& yardstick) {
  const double squares = yardstick.error_squares;
  if (!(squares > 0.0) || !(yardstick.error_fourths > 0.0)) return 1.0;
  const double independent =
      std::min(3.0 * squares * squares / yardstick.error_fourths, static_cast<double>(yardstick.elements));
  const double alike = std::max(1.0, yardstick.row_error_squares / squares);
  return std::max(1.0, 0.6 * std::exp(4.75 / std::sqrt(independent / alike)));
}

TensorVerdict judge_tensor(const std::string& name, const at::Tensor& got, const at::Tensor& want,
                           const at::Tensor& baseline, const TensorRule& rule, bool has_dim) {
  TensorVerdict verdict;
  verdict.tensor = name;
  verdict.elements = got.numel();
  verdict.worst_abs = verdict.worst_rel = first_element(got, want, has_dim);
  TensorJudge judge(rule, has_dim, verdict);
  for (std::int64_t first = 0; first < got.size(1); first += verdict_block_rows)
    judge.judge_rows(got, want, baseline, first, std::min(verdict_block_rows, got.size(1) - first));
  summarize_likeness(judge.totals(), verdict);
  verdict.error_by_position = profile_of(judge.block_errors());
  verdict.required_atol = verdict.worst_abs.abs_error;
  verdict.required_rtol = verdict.worst_rel.rel_error;
  verdict.worst_row = verdict.worst_abs.index.row;
  verdict.passed = verdict.mismatched == 0;
  if (verdict.passed) return verdict;
  verdict.reason = failure_reason(verdict, rule);
  verdict.details = failure_details(got, want, has_dim);
  return verdict;
}

}  // namespace ringattn
