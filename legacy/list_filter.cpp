#include "legacy/list_filter.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <tuple>

namespace ringattn::legacy {
namespace {

constexpr std::int64_t exhaustive_rows = 32;
constexpr std::int64_t rate_max = 32;

/// What one row of one head was made of, in doubles: e^{q·k_j}, the first element of v_j, and of the result.
struct Row {
  std::vector<double> weight, value;
  double want = 0.0;
  std::int64_t position = 0;
};

std::vector<double> doubles(const at::Tensor& tensor) {
  const at::Tensor flat = tensor.to(at::kDouble).contiguous();
  return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

Row row_of(const UserRecording& first, const at::Tensor& want, std::int64_t position, std::int64_t head) {
  const auto of = [&](const char* name) { return first.inputs.at(name).select(0, 0).select(1, head).to(at::kDouble); };
  const at::Tensor query = of("query").select(0, position), key = of("key");
  const at::Tensor scores = key.matmul(query) / std::sqrt(static_cast<double>(query.size(0)));
  return {doubles((scores - scores.max()).exp()), doubles(of("value").select(1, 0)),
          want[0][position][head][0].item<double>(), position};
}

/// The attention over the keys first, first + r, … below last, of which a causal row sees those up to its own.
bool is_result(const Row& row, std::int64_t first, std::int64_t last, std::int64_t r, bool is_causal) {
  double sum = 0.0, total = 0.0;
  const std::int64_t end = is_causal ? std::min(last, row.position + 1) : last;
  for (std::int64_t j = first; j < end; j += r) {
    sum += row.weight[static_cast<std::size_t>(j)] * row.value[static_cast<std::size_t>(j)];
    total += row.weight[static_cast<std::size_t>(j)];
  }
  if (total == 0.0) return false;
  for (double pairs = 1.0; pairs <= 5.0; pairs += 1.0)
    if (std::abs(sum / total / pairs - row.want) <= 1e-4 + 1e-3 * std::abs(row.want)) return true;
  return false;
}

bool explains(const Row& row, const Pair& pair, bool is_causal) {
  const auto n = static_cast<std::int64_t>(row.weight.size());
  for (std::int64_t offset = 0; offset < pair.dilation_rate; ++offset)
    if (is_result(row, offset, std::min(pair.segment_length, n), pair.dilation_rate, is_causal)) return true;
  return false;
}

/// The first and last recorded rows below w that are neither 0 nor NaN.
bool is_plausible(const UserRecording& first, const at::Tensor& want, const Pair& pair, bool is_causal,
                  const std::vector<std::vector<Row>>& rows) {
  const std::int64_t w = std::min(pair.segment_length, first.seq_len());
  for (std::int64_t head = 0; head < want.size(2); ++head) {
    int explained = 0, seen = 0;
    for (std::int64_t p = w - 1; p >= 0 && seen < 2; --p) {
      const Row& row = rows[static_cast<std::size_t>(head)][static_cast<std::size_t>(p)];
      if (row.want == 0.0 || !std::isfinite(row.want)) continue;
      ++seen;
      if (explains(row, pair, is_causal)) ++explained;
    }
    if (seen > 0 && explained == seen) return true;
  }
  return false;
}

}  // namespace

std::vector<Pair> plausible_pairs(const UserRecording& first, const at::Tensor& want, bool is_causal) {
  const std::int64_t n = first.seq_len();
  std::vector<Pair> pairs;
  std::vector<std::vector<Row>> rows;
  if (n > exhaustive_rows) {
    for (std::int64_t head = 0; head < want.size(2); ++head) {
      rows.emplace_back();
      for (std::int64_t p = 0; p < n; ++p) rows.back().push_back(row_of(first, want, p, head));
    }
  }
  for (std::int64_t w = 1; w <= n; ++w) {
    for (std::int64_t r = 1; r <= std::min(w, rate_max); ++r) {
      const Pair pair{w, r};
      if (n <= exhaustive_rows || n % w == 0 || is_plausible(first, want, pair, is_causal, rows)) pairs.push_back(pair);
    }
  }
  for (std::int64_t r = 1; r <= std::min<std::int64_t>(8, n); ++r) pairs.push_back({2 * n, r});  // longer than n
  std::sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) {
    return std::tie(a.dilation_rate, a.segment_length) < std::tie(b.dilation_rate, b.segment_length);
  });
  return pairs;
}

}  // namespace ringattn::legacy
