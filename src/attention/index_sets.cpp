#include "attention/index_sets.h"

#include "attention/strands.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <vector>

namespace ringattn {
namespace {

using oracle::KeyProgression;
using oracle::Strand;

/// The strands of each head: states whose results add.
std::vector<std::vector<const Strand*>> strands_by_head(const AttentionFunction& function,
                                                        const std::vector<Strand>& strands) {
  std::vector<std::vector<const Strand*>> by_head(static_cast<std::size_t>(function.heads));
  for (const Strand& strand : strands) {
    for (const std::int64_t head : strand.heads) by_head[static_cast<std::size_t>(head)].push_back(&strand);
  }
  return by_head;
}

/// The key sets that enter one softmax, empty ones left out, in one order.
std::vector<KeyProgression> key_sets(const AttentionFunction& function, const Strand& strand, std::int64_t query) {
  std::vector<KeyProgression> sets;
  for (const auto& view : oracle::views_of(function, {}, strand, query)) {
    if (const KeyProgression keys = view.keys(); keys.count > 0) sets.push_back(keys);
  }
  std::sort(sets.begin(), sets.end(), [](const KeyProgression& a, const KeyProgression& b) {
    return std::tie(a.first, a.step, a.count) < std::tie(b.first, b.step, b.count);
  });
  return sets;
}

/// One softmax state of a row: which key sets, and what its result is multiplied by.
struct State {
  std::vector<KeyProgression> sets;
  double scale = 1.0;
};

std::vector<State> states_of(const AttentionFunction& function, const std::vector<const Strand*>& strands,
                             std::int64_t query) {
  std::vector<State> states;
  for (const Strand* strand : strands) {
    State state{key_sets(function, *strand, query), strand->scale};
    if (!state.sets.empty()) states.push_back(std::move(state));
  }
  return states;
}

std::map<std::int64_t, std::int64_t> weights_of(const State& state) {
  std::map<std::int64_t, std::int64_t> weights;
  for (const KeyProgression& set : state.sets) {
    for (std::int64_t j = 0; j < set.count; ++j) ++weights[set.first + j * set.step];
  }
  return weights;
}

/// The smallest key that counts differently in the two states; also true for sets that are written differently but
/// equal: nullopt.
std::optional<IndexDifference> compare_keys(const State& first, const State& second) {
  if (first.sets == second.sets) return std::nullopt;
  const auto a = weights_of(first);
  const auto b = weights_of(second);
  auto x = a.begin();
  auto y = b.begin();
  while (x != a.end() && y != b.end() && *x == *y) ++x, ++y;
  if (x == a.end() && y == b.end()) return std::nullopt;
  const std::int64_t key = std::min(x == a.end() ? y->first : x->first, y == b.end() ? x->first : y->first);
  const auto count = [key](const auto& weights) {
    const auto found = weights.find(key);
    return found == weights.end() ? 0.0 : static_cast<double>(found->second);
  };
  return IndexDifference{IndexDifference::Kind::key, 0, 0, key, count(a), count(b)};
}

std::optional<IndexDifference> compare_rows(const std::vector<State>& first, const std::vector<State>& second) {
  static const State nothing;
  for (std::size_t s = 0; s < std::max(first.size(), second.size()); ++s) {
    const State& a = s < first.size() ? first[s] : nothing;
    const State& b = s < second.size() ? second[s] : nothing;
    if (auto difference = compare_keys(a, b)) return difference;
    if (a.scale != b.scale) return IndexDifference{IndexDifference::Kind::scale, 0, 0, 0, a.scale, b.scale};
  }
  return std::nullopt;
}

}  // namespace

std::string to_string(const IndexDifference& difference) {
  if (difference.kind == IndexDifference::Kind::shape) return "the functions have different lengths or head counts";
  const std::string row =
      "head " + std::to_string(difference.head) + ", query " + std::to_string(difference.query) + ": ";
  const auto shortest = [](double value) {
    std::string text = std::to_string(value);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text;
  };
  const std::string a = shortest(difference.first_weight);
  const std::string b = shortest(difference.second_weight);
  if (difference.kind == IndexDifference::Kind::scale) return row + "the result is multiplied by " + a + " and by " + b;
  const std::string key = row + "key " + std::to_string(difference.key);
  if (difference.second_weight == 0) return key + " is attended by the first alone";
  if (difference.first_weight == 0) return key + " is attended by the second alone";
  return key + " counts " + a + " times and " + b + " times";
}

std::optional<IndexDifference> first_index_difference(const AttentionFunction& first, const AttentionFunction& second) {
  check_function(first);
  check_function(second);
  if (first.seq_len != second.seq_len || first.heads != second.heads) {
    return IndexDifference{IndexDifference::Kind::shape, 0, 0, 0, 0, 0};
  }
  const std::vector<Strand> first_strands = oracle::strands_of(first);
  const std::vector<Strand> second_strands = oracle::strands_of(second);
  const auto first_heads = strands_by_head(first, first_strands);
  const auto second_heads = strands_by_head(second, second_strands);
  for (std::size_t head = 0; head < first_heads.size(); ++head) {
    // Neighbouring heads of the same two classes have the same answer.
    if (head > 0 && first_heads[head] == first_heads[head - 1] && second_heads[head] == second_heads[head - 1])
      continue;
    for (std::int64_t query = 0; query < first.seq_len; ++query) {
      auto difference =
          compare_rows(states_of(first, first_heads[head], query), states_of(second, second_heads[head], query));
      if (!difference) continue;
      difference->head = static_cast<std::int64_t>(head);
      difference->query = query;
      return difference;
    }
  }
  return std::nullopt;
}

bool same_index_sets(const AttentionFunction& first, const AttentionFunction& second) {
  return !first_index_difference(first, second).has_value();
}

double covered_share(const AttentionFunction& function) {
  check_function(function);
  const std::vector<Strand> strands = oracle::strands_of(function);
  const auto by_head = strands_by_head(function, strands);
  std::int64_t covered = 0;
  std::int64_t covered_of_previous = 0;
  for (std::size_t head = 0; head < by_head.size(); ++head) {
    if (head == 0 || by_head[head] != by_head[head - 1]) {
      covered_of_previous = 0;
      for (std::int64_t query = 0; query < function.seq_len; ++query) {
        covered_of_previous += states_of(function, by_head[head], query).empty() ? 0 : 1;
      }
    }
    covered += covered_of_previous;
  }
  return static_cast<double>(covered) / (static_cast<double>(function.heads) * static_cast<double>(function.seq_len));
}

}  // namespace ringattn
