#include "attention/oracle_block_rule.h"

#include "attention/attends.h"

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <mutex>
#include <utility>

namespace ringattn::oracle {
namespace {

using Matrix = std::vector<std::vector<bool>>;

/// Whether i and j meet with half-width h.
bool meets(const BlockSparsity& blocks, std::int64_t rate, std::int64_t i, std::int64_t j, std::int64_t h) {
  const std::int64_t distance = std::abs(i - j);
  switch (blocks.rule) {
    case BlockRule::local:
      return distance <= h;
    case BlockRule::global_local:
      return i < blocks.global_blocks || j < blocks.global_blocks || distance <= h;
    case BlockRule::dilated:
      if (rate > 0) return distance % rate == 0 && distance / rate <= h;
      return std::any_of(blocks.rates.begin(), blocks.rates.end(),
                         [&](std::int64_t own) { return meets(blocks, own, i, j, h); });
    case BlockRule::none:
    case BlockRule::grid:
      break;
  }
  return true;
}

std::int64_t couples(const BlockSparsity& blocks, std::int64_t rate, std::int64_t size, std::int64_t h) {
  std::int64_t found = 0;
  for (std::int64_t i = 0; i < size; ++i) {
    for (std::int64_t j = 0; j < size; ++j) found += meets(blocks, rate, i, j, h) ? 1 : 0;
  }
  return found;
}

/// The largest h < size within the budget, by bisection: more of h never means fewer couples.
std::int64_t half_width(const BlockSparsity& blocks, std::int64_t rate, std::int64_t size) {
  const double all = static_cast<double>(size * size);
  const auto fits = [&](std::int64_t h) {
    return static_cast<double>(couples(blocks, rate, size, h)) <= (1.0 - blocks.sparsity_ratio) * all + 1e-6;
  };
  std::int64_t low = 0, high = size;  // low is taken, high is not
  while (high - low > 1) {
    const std::int64_t middle = (low + high) / 2;
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

/// Block of each position, as a query or as a key of the pair.
std::vector<std::int64_t> block_of_position(const AttentionFunction& function, std::int64_t pair, bool by_sequence) {
  std::vector<std::int64_t> block;
  for (std::int64_t row = 0; row < function.seq_len; ++row) {
    std::int64_t first = 0, length = function.seq_len, place = row;
    const std::optional<Segment> segment = segment_of(function, pair, row);
    if (!by_sequence && segment) first = segment->first, length = segment->length;
    if (by_sequence || segment) {
      const auto curve = curve_of(function.axes.order, length, function.curve);
      if (curve) place = first + curve->place[static_cast<std::size_t>(row - first)];
    }
    block.push_back(place / function.blocks.block_size);
  }
  return block;
}

/// Every cell with every cell of the square around it.
Matrix grid_matrix(const AttentionFunction& function, std::int64_t pair) {
  const std::int64_t n = function.seq_len, width = function.blocks.grid_width, radius = function.blocks.grid_radius;
  const auto size = static_cast<std::size_t>(n / function.blocks.block_size);
  Matrix matrix(size, std::vector<bool>(size, false));
  const auto queries = block_of_position(function, pair, false);
  const auto keys = block_of_position(function, pair, function.axes.keys == KeyRule::sequence);
  for (std::int64_t query = 0; query < n; ++query) {
    const std::int64_t x = query % width, y = query / width;
    for (std::int64_t v = std::max<std::int64_t>(0, y - radius); v <= y + radius && v * width < n; ++v) {
      for (std::int64_t u = std::max<std::int64_t>(0, x - radius); u <= std::min(x + radius, width - 1); ++u) {
        if (v * width + u >= n) break;
        matrix[static_cast<std::size_t>(queries[static_cast<std::size_t>(query)])]
              [static_cast<std::size_t>(keys[static_cast<std::size_t>(v * width + u)])] = true;
      }
    }
  }
  return matrix;
}

Matrix band_matrix(const AttentionFunction& function, std::int64_t rate) {
  const std::int64_t size = function.seq_len / function.blocks.block_size;
  const std::int64_t h = half_width(function.blocks, rate, size);
  Matrix matrix;
  for (std::int64_t i = 0; i < size; ++i) {
    std::vector<bool>& row = matrix.emplace_back();
    for (std::int64_t j = 0; j < size; ++j) row.push_back(meets(function.blocks, rate, i, j, h));
  }
  return matrix;
}

using Rows = std::vector<std::shared_ptr<const BlockRow>>;

Rows make_rows(const AttentionFunction& function, std::int64_t pair, std::int64_t rate) {
  Matrix matrix = function.blocks.rule == BlockRule::grid ? grid_matrix(function, pair) : band_matrix(function, rate);
  Rows rows;
  for (std::vector<bool>& row : matrix)
    rows.push_back(std::make_shared<const BlockRow>(BlockRow{function.blocks.block_size, std::move(row)}));
  return rows;
}

/// What the rows of a pair depend on.
struct Question {
  BlockSparsity blocks;
  PatternAxes axes;
  CurveLimits curve;
  std::vector<Pair> pairs;
  std::int64_t seq_len = 0;
  std::int64_t pair = 0;
  std::int64_t rate = 0;
  bool operator==(const Question&) const = default;
};

}  // namespace

std::shared_ptr<const BlockRow> block_row(const AttentionFunction& function, std::int64_t pair, std::int64_t head,
                                          std::int64_t place) {
  constexpr std::size_t remembered = 16;
  static std::mutex mutex;
  static std::deque<std::pair<Question, Rows>> answers;
  const BlockSparsity& blocks = function.blocks;
  Question question{blocks, {}, {}, {}, function.seq_len, 0, 0};
  if (blocks.rule == BlockRule::grid)
    question = {blocks, function.axes, function.curve, function.pairs, function.seq_len, pair, 0};
  if (blocks.per_head) question.rate = blocks.rates[static_cast<std::size_t>(head) % blocks.rates.size()];
  const std::scoped_lock lock(mutex);
  auto known =
      std::find_if(answers.begin(), answers.end(), [&](const auto& answer) { return answer.first == question; });
  if (known == answers.end()) {
    answers.emplace_front(question, make_rows(function, pair, question.rate));
    if (answers.size() > remembered) answers.pop_back();
    known = answers.begin();
  }
  return known->second[static_cast<std::size_t>(place / blocks.block_size)];
}

}  // namespace ringattn::oracle
