#include "compare/gradient_departure.h"

#include "attention/oracle_gradient.h"
#include "config/positions.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace ringattn {
namespace {

/// What the queries at these positions, and places among those that have a grad_out, give to all keys and values.
struct Queries {
  std::vector<std::int64_t> positions{}, places{};
};

OracleGradient contribution(const GradientSubject& subject, const Queries& queries) {
  const at::Tensor index = at::tensor(queries.places, at::kLong);
  OracleOptions options{.query_rows = queries.positions, .mask = subject.mask};
  if (subject.function.mask.kind == MaskKind::scores && subject.mask.defined())
    options.mask = subject.mask.index_select(2, index);
  return evaluate_oracle_gradient(subject.function, subject.query, subject.key, subject.value,
                                  subject.grad_out.index_select(1, index), options);
}

/// Those of the rank's share.
Queries queries_of(const GradientSubject& subject, const std::vector<std::int64_t>& share) {
  if (subject.rows.empty()) return {share, share};
  Queries own;
  for (std::size_t place = 0; place < subject.rows.size(); ++place) {
    if (!std::binary_search(share.begin(), share.end(), subject.rows[place])) continue;
    own.positions.push_back(subject.rows[place]);
    own.places.push_back(static_cast<std::int64_t>(place));
  }
  return own;
}

/// The rank's share of the rows of a gradient, from what its own queries give to all of them.
using OwnRows = std::function<at::Tensor(const at::Tensor& all, const at::Tensor& share)>;

Gradients of_own_queries(const Gradients& whole, const GradientSubject& subject, int ranks, const OwnRows& own_rows) {
  Gradients made{whole.query, at::zeros_like(whole.key), at::zeros_like(whole.value)};
  for (int rank = 0; rank < ranks; ++rank) {
    const std::vector<std::int64_t> positions = expand(contiguous_positions(subject.function.seq_len, rank, ranks));
    const Queries queries = queries_of(subject, positions);
    if (queries.positions.empty()) continue;
    const at::Tensor share = at::tensor(positions, at::kLong);
    const OracleGradient own = contribution(subject, queries);
    made.key.index_copy_(1, share, own_rows(own.key, share));
    made.value.index_copy_(1, share, own_rows(own.value, share));
  }
  return made;
}

at::Tensor at_share(const at::Tensor& all, const at::Tensor& share) { return all.index_select(1, share); }

/// Σ over shares, row by row.
at::Tensor sum_of_shares(const at::Tensor& all, const at::Tensor& share) {
  return all.unflatten(1, {all.size(1) / share.size(0), share.size(0)}).sum(1);
}

}  // namespace

std::string_view to_string(GradientDeparture departure) {
  switch (departure) {
    case GradientDeparture::own_part:
      return "own_part";
    case GradientDeparture::misplaced:
      return "misplaced";
    case GradientDeparture::zero:
      break;
  }
  return "zero";
}

std::string words_of(GradientDeparture departure, int ranks) {
  switch (departure) {
    case GradientDeparture::own_part:
      return fmt::format(
          "dk and dv lack what other ranks' queries give to a rank's keys and values: of {} ranks, each has what its "
          "own queries give",
          ranks);
    case GradientDeparture::misplaced:
      return fmt::format(
          "each of {} ranks has in dk and dv what its own queries give to all keys and values, received ones added to "
          "its own",
          ranks);
    case GradientDeparture::zero:
      break;
  }
  return "they are 0 everywhere";
}

GradientSubject gradient_subject(const AttentionFunction& function, const std::vector<std::int64_t>& rows,
                                 const InputSource& inputs, at::ScalarType dtype) {
  const Positions all{{.first = 0, .count = inputs.seq_len(), .step = 1}};
  Positions chosen;
  for (const std::int64_t row : rows) chosen.push_back({.first = row, .count = 1, .step = 1});
  const Positions& queries = rows.empty() ? all : chosen;
  GradientSubject subject{function,
                          rows,
                          inputs.rows(InputTensor::query, all, dtype),
                          inputs.rows(InputTensor::key, all, dtype),
                          inputs.rows(InputTensor::value, all, dtype),
                          inputs.rows(InputTensor::grad_out, queries, dtype)};
  if (function.mask.kind != MaskKind::none)
    subject.mask = inputs.mask(function.mask.kind == MaskKind::keys ? all : queries);
  return subject;
}

RepeatedRows with_rows_repeated(const Gradients& whole, const at::Tensor& dq, const GradientSubject& subject) {
  const at::Tensor square = whole.query.square().sum(-1, true);
  const at::Tensor share = whole.query.mul(dq.to(at::kDouble)).sum(-1, true).div(square).round();
  const at::Tensor times = at::where(square.gt(0.0), share.nan_to_num(1.0, 1.0, 1.0), 1.0);
  OracleOptions options{.query_rows = subject.rows, .mask = subject.mask};
  const OracleGradient made = evaluate_oracle_gradient(subject.function, subject.query, subject.key, subject.value,
                                                       subject.grad_out.to(at::kDouble).mul(times), options);
  return {{made.query, made.key, made.value}, times.numel() > 0 ? times.max().to(at::kLong).item<std::int64_t>() : 1};
}

Gradients departed(const Gradients& whole, GradientDeparture departure, const GradientSubject& subject, int ranks) {
  if (departure == GradientDeparture::zero)
    return {at::zeros_like(whole.query), at::zeros_like(whole.key), at::zeros_like(whole.value)};
  if (ranks < 2) return whole;
  if (departure == GradientDeparture::own_part) return of_own_queries(whole, subject, ranks, at_share);
  if (subject.function.seq_len % ranks != 0) return whole;
  return of_own_queries(whole, subject, ranks, sum_of_shares);
}

}  // namespace ringattn
