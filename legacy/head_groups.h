#pragma once

#include "config/axes.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace ringattn::legacy {

/// Which of `pairs` groups add to each head, in one of the ways in which classes share heads out.
struct HeadGroups {
  std::int64_t pairs = 0;
  std::vector<std::vector<std::int64_t>> of_head{};  ///< [head]: groups, ascending; empty: nobody's

  bool operator==(const HeadGroups&) const = default;
};

/// What does not divide goes one each to the first groups, one each to the last, all to the last group, nowhere; or one
/// each to the first groups while group i begins at i times its own number of heads, so that groups overlap.
std::vector<HeadGroups> possible_groups(std::int64_t heads, std::int64_t pairs);

/// A list in the making: one pair for each group, found head by head. Groups that only share heads with other unknown
/// ones are never found.
class ListGuess {
 public:
  explicit ListGuess(HeadGroups groups, std::optional<Pair> first = std::nullopt);

  /// What to try with `pair` for every group that is not known.
  std::vector<Pair> trial(const Pair& pair) const;
  /// Keeps `pair` for each unknown group that it explains: fits[head] says whether the class gave that head with
  /// trial(pair). A group is explained if all heads fit to which it and known groups alone add, and there is one, or if
  /// it has no heads at all. True: the list is whole, and was not before.
  bool learn(const Pair& pair, const std::vector<bool>& fits);
  /// Whether what was learnt makes another round over all pairs worth while.
  bool begin_next_round();
  std::optional<std::vector<Pair>> list() const;

 private:
  bool explains(std::int64_t group, const std::vector<bool>& fits) const;

  HeadGroups groups_;
  std::vector<std::optional<Pair>> known_;  ///< at the beginning of the round
  std::vector<std::optional<Pair>> learnt_;
};

}  // namespace ringattn::legacy
