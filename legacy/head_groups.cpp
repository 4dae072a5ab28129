#include "legacy/head_groups.h"

#include <algorithm>
#include <utility>

namespace ringattn::legacy {
namespace {

/// Group i has the heads [first(i), first(i) + count(i)).
template <class First, class Count>
HeadGroups ranges(std::int64_t heads, std::int64_t pairs, First first, Count count) {
  HeadGroups groups{pairs, std::vector<std::vector<std::int64_t>>(static_cast<std::size_t>(heads))};
  for (std::int64_t group = 0; group < pairs; ++group)
    for (std::int64_t head = first(group); head < first(group) + count(group); ++head)
      groups.of_head.at(static_cast<std::size_t>(head)).push_back(group);
  return groups;
}

bool is_whole(const std::vector<std::optional<Pair>>& list) {
  return std::all_of(list.begin(), list.end(), [](const auto& pair) { return pair.has_value(); });
}

}  // namespace

std::vector<HeadGroups> possible_groups(std::int64_t heads, std::int64_t pairs) {
  const std::int64_t each = heads / pairs, rest = heads % pairs, last = pairs - 1;
  const auto larger_first = [=](std::int64_t i) { return each + (i < rest ? 1 : 0); };
  const auto larger_last = [=](std::int64_t i) { return each + (i >= pairs - rest ? 1 : 0); };
  const auto alike = [=](std::int64_t /*group*/) { return each; };
  const auto rest_to_last = [=](std::int64_t i) { return each + (i == last ? rest : 0); };
  const auto at_multiple = [=](std::int64_t i) { return i * each; };
  const HeadGroups all[] = {
      ranges(
          heads, pairs, [=](std::int64_t i) { return i * each + std::min(i, rest); }, larger_first),
      ranges(
          heads, pairs, [=](std::int64_t i) { return i * each + std::max<std::int64_t>(0, i - (pairs - rest)); },
          larger_last),
      ranges(heads, pairs, at_multiple, rest_to_last), ranges(heads, pairs, at_multiple, alike),
      ranges(
          heads, pairs, [=](std::int64_t i) { return i * larger_first(i); }, larger_first)};
  std::vector<HeadGroups> different;
  for (const HeadGroups& groups : all)
    if (std::find(different.begin(), different.end(), groups) == different.end()) different.push_back(groups);
  return different;
}

ListGuess::ListGuess(HeadGroups groups, std::optional<Pair> first)
    : groups_(std::move(groups)), known_(static_cast<std::size_t>(groups_.pairs)), learnt_(known_) {
  known_.front() = first;
}

std::vector<Pair> ListGuess::trial(const Pair& pair) const {
  std::vector<Pair> list;
  for (const auto& known : known_) list.push_back(known.value_or(pair));
  return list;
}

bool ListGuess::explains(std::int64_t group, const std::vector<bool>& fits) const {
  bool has_heads = false, is_decided = false;
  for (std::size_t head = 0; head < fits.size(); ++head) {
    const auto& adding = groups_.of_head[head];
    if (std::find(adding.begin(), adding.end(), group) == adding.end()) continue;
    has_heads = true;
    const bool is_decisive = std::all_of(adding.begin(), adding.end(), [&](std::int64_t other) {
      return other == group || known_[static_cast<std::size_t>(other)].has_value();
    });
    if (!is_decisive) continue;
    if (!fits[head]) return false;
    is_decided = true;
  }
  return is_decided || !has_heads;
}

bool ListGuess::learn(const Pair& pair, const std::vector<bool>& fits) {
  if (is_whole(learnt_)) return false;
  const std::vector<Pair> tried = trial(pair);
  for (std::int64_t group = 0; group < groups_.pairs; ++group) {
    const auto g = static_cast<std::size_t>(group);
    if (!learnt_[g] && explains(group, fits)) learnt_[g] = tried[g];
  }
  return is_whole(learnt_);
}

bool ListGuess::begin_next_round() {
  const bool overlaps =
      std::any_of(groups_.of_head.begin(), groups_.of_head.end(), [](const auto& adding) { return adding.size() > 1; });
  bool has_new = false;
  for (std::size_t g = 0; g < known_.size(); ++g) {
    has_new = has_new || (!known_[g] && learnt_[g]);
    if (learnt_[g]) known_[g] = learnt_[g];
  }
  return overlaps && has_new && !is_whole(learnt_);
}

std::optional<std::vector<Pair>> ListGuess::list() const {
  if (!is_whole(learnt_)) return std::nullopt;
  std::vector<Pair> list;
  for (const auto& pair : learnt_) list.push_back(*pair);
  return list;
}

}  // namespace ringattn::legacy
