#include "attention/index_sets.h"

#include "attention/strands.h"

#include <algorithm>
#include <map>
#include <sstream>
#include <tuple>
#include <utility>
#include <vector>

namespace ringattn {
namespace {

using oracle::KeySet;
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

bool is_empty(const KeySet& keys) {
  if (const auto progression = keys.progression()) return progression->count == 0;
  for (std::int64_t key = keys.low; key < keys.high; ++key) {
    if (keys.contains(key)) return false;
  }
  return true;
}

/// Equal as far as can be seen without a list of the keys; curves of one order and length are one object, mostly.
bool same_description(const KeySet& a, const KeySet& b) {
  return a == b || (!a.curve && !b.curve && a.progression() == b.progression());
}

/// The key sets that enter one softmax, empty ones left out, in one order.
std::vector<KeySet> key_sets(const AttentionFunction& function, const Strand& strand, std::int64_t query) {
  std::vector<KeySet> sets;
  for (const auto& view : oracle::views_of(function, {}, strand, query)) {
    if (!is_empty(view.keys())) sets.push_back(view.keys());
  }
  const auto order = [](const KeySet& set) {
    const std::pair range = set.range();
    return std::tuple(set.curve != nullptr, range.first, range.second, set.step, set.first, set.begin);
  };
  std::sort(sets.begin(), sets.end(), [&](const KeySet& a, const KeySet& b) { return order(a) < order(b); });
  return sets;
}

/// One softmax state of a row: which key sets, and what its result is multiplied by.
struct State {
  std::vector<KeySet> sets;
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
  for (const KeySet& set : state.sets) set.for_each(set.low, set.high, [&](std::int64_t key) { ++weights[key]; });
  return weights;
}

/// The smallest key that counts differently in the two states; also true for sets that are written differently but
/// equal: nullopt.
std::optional<IndexDifference> compare_keys(const State& first, const State& second) {
  if (std::equal(first.sets.begin(), first.sets.end(), second.sets.begin(), second.sets.end(), same_description))
    return std::nullopt;
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

/// What holds for all rows alike.
std::optional<IndexDifference> compare_settings(const AttentionFunction& first, const AttentionFunction& second) {
  using Kind = IndexDifference::Kind;
  const auto differ = [](Kind kind, double a, double b) { return IndexDifference{kind, 0, 0, 0, a, b}; };
  if (first.seq_len != second.seq_len || first.heads != second.heads) return differ(Kind::shape, 0, 0);
  if (first.key_heads() != second.key_heads()) {
    return differ(Kind::kv_heads, static_cast<double>(first.key_heads()), static_cast<double>(second.key_heads()));
  }
  if (first.softmax_scale != second.softmax_scale)
    return differ(Kind::softmax_scale, first.softmax_scale.value_or(0), second.softmax_scale.value_or(0));
  if (first.mask != second.mask) return differ(Kind::mask, 0, 0);
  if (first.dropout != second.dropout) return differ(Kind::dropout, first.dropout, second.dropout);
  return std::nullopt;
}

std::string shortest(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

}  // namespace

std::string to_string(const IndexDifference& difference) {
  using Kind = IndexDifference::Kind;
  const std::string a = shortest(difference.first_weight);
  const std::string b = shortest(difference.second_weight);
  const auto score_scale = [](double value) { return value == 0 ? "1/√head_dim" : shortest(value); };
  const std::string row =
      "head " + std::to_string(difference.head) + ", query " + std::to_string(difference.query) + ": ";
  const std::string key = row + "key " + std::to_string(difference.key);
  switch (difference.kind) {
    case Kind::shape:
      return "the functions have different lengths or head counts";
    case Kind::kv_heads:
      return "the functions have " + a + " and " + b + " key and value heads";
    case Kind::softmax_scale:
      return "the scores are multiplied by " + score_scale(difference.first_weight) + " and by " +
             score_scale(difference.second_weight);
    case Kind::mask:
      return "the functions take attention masks of different kinds";
    case Kind::dropout:
      return "weights are dropped with probability " + a + " and " + b;
    case Kind::scale:
      return row + "the result is multiplied by " + a + " and by " + b;
    case Kind::key:
      break;
  }
  if (difference.second_weight == 0) return key + " is attended by the first alone";
  if (difference.first_weight == 0) return key + " is attended by the second alone";
  return key + " counts " + a + " times and " + b + " times";
}

std::optional<IndexDifference> first_index_difference(const AttentionFunction& first, const AttentionFunction& second) {
  check_function(first);
  check_function(second);
  if (auto difference = compare_settings(first, second)) return difference;
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
