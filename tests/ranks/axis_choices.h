#pragma once

#include "config/error.h"
#include "pattern/pattern.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>

#include <array>
#include <cstdint>
#include <functional>
#include <set>
#include <vector>

// Every value of every axis with every value of every other, and what people use with a pattern.

namespace ringattn::testing {

inline constexpr std::int64_t kHeads = 6, kDim = 8, kBatch = 2;

/// A choice of one value for each of several dials.
using Choice = std::vector<int>;

/// Choices that show each pair of values of two dials at least once, wherever some allowed choice has it: greedy, and
/// always the same.
inline std::vector<Choice> pairwise(const std::vector<int>& sizes,
                                    const std::function<bool(const Choice&)>& is_allowed) {
  std::vector<Choice> all;
  Choice choice(sizes.size(), 0);
  for (bool more = true; more;) {
    if (is_allowed(choice)) all.push_back(choice);
    more = false;
    for (std::size_t i = 0; i < sizes.size() && !more; ++i) {
      if (++choice[i] < sizes[i])
        more = true;
      else
        choice[i] = 0;
    }
  }
  using Couple = std::array<int, 4>;
  const auto couples = [](const Choice& c) {
    std::vector<Couple> list;
    for (std::size_t i = 0; i < c.size(); ++i) {
      for (std::size_t j = i + 1; j < c.size(); ++j)
        list.push_back({static_cast<int>(i), c[i], static_cast<int>(j), c[j]});
    }
    return list;
  };
  std::set<Couple> open;
  for (const Choice& c : all) {
    for (const Couple& couple : couples(c)) open.insert(couple);
  }
  std::vector<Choice> chosen;
  while (!open.empty()) {
    std::size_t best = 0, best_new = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::size_t fresh = 0;
      for (const Couple& couple : couples(all[i])) fresh += open.contains(couple) ? 1U : 0U;
      if (fresh > best_new) best = i, best_new = fresh;
    }
    for (const Couple& couple : couples(all[best])) open.erase(couple);
    chosen.push_back(all[best]);
  }
  return chosen;
}

inline PatternAxes axes_of_choice(const Choice& c) {
  return {static_cast<Placement>(c[0]), static_cast<HeadRule>(c[1]), static_cast<OffsetRule>(c[2]),
          static_cast<QueryRule>(c[3]), static_cast<KeyRule>(c[4]),  static_cast<JoinRule>(c[5]),
          static_cast<OrderRule>(c[6]), static_cast<TailRule>(c[7])};
}

/// `turned` is a permutation only where lengths are powers of two, or at most 64.
inline RingAttentionConfig config_of_choice(const Choice& c) {
  RingAttentionConfig config;
  const bool is_turned = static_cast<OrderRule>(c[6]) == OrderRule::turned;
  config.segment_lengths = is_turned ? std::vector<std::int64_t>{64, 128} : std::vector<std::int64_t>{30, 70, 90};
  config.dilation_rates = is_turned ? std::vector<std::int64_t>{2, 3} : std::vector<std::int64_t>{1, 2, 3};
  config.pattern = {.name = PatternName::custom, .axes = axes_of_choice(c)};
  return config;
}
inline std::int64_t length_of_choice(const Choice& c) {
  return static_cast<OrderRule>(c[6]) == OrderRule::turned ? 256 : 157;
}

inline bool has_meaning(const Choice& c) {
  try {
    make_pattern(resolve_function(config_of_choice(c), length_of_choice(c), kHeads, false));
    return true;
  } catch (const UsageError&) {
    return false;
  }
}

/// What is used with a pattern.
struct Extras {
  bool is_causal = false;
  enum class Mask { none, keys, keys_additive, scores, scores_per_head } mask = Mask::none;
  std::int64_t kv_heads = 0;
  Window window{};
  bool has_documents = false;
  double dropout = 0.0;
  Layout layout = Layout::automatic;
};

inline at::Tensor mask_of(Extras::Mask kind, std::int64_t n) {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU).clone();
  generator.set_current_seed(5);
  const auto random = [&](const std::vector<std::int64_t>& sizes) { return at::rand(sizes, generator, at::kFloat); };
  switch (kind) {
    case Extras::Mask::none:
      return {};
    case Extras::Mask::keys: {
      at::Tensor mask = random({kBatch, n}) < 0.8;
      mask[1].narrow(0, 0, n / 2).fill_(false);  // the first rows of batch index 1 see nothing under causality
      return mask;
    }
    case Extras::Mask::keys_additive:
      return at::log(random({1, n}) - 0.1).nan_to_num(-INFINITY, INFINITY, -INFINITY);
    case Extras::Mask::scores: {
      at::Tensor mask = random({kBatch, 1, n, n}) < 0.6;
      mask.select(2, 3).fill_(false);
      return mask;
    }
    case Extras::Mask::scores_per_head: {
      const at::Tensor hidden = random({1, kHeads, n, n}) < 0.3;
      return at::randn({1, kHeads, n, n}, generator, at::kFloat).masked_fill_(hidden, -INFINITY);
    }
  }
  return {};
}

inline Problem problem_of(const Extras& extras, std::int64_t n) {
  Problem problem{.seq_len = n, .heads = kHeads, .is_causal = extras.is_causal, .kv_heads = extras.kv_heads};
  problem.window = extras.window;
  if (extras.has_documents) problem.documents = {0, 1, 40, 47, n - 20, n};
  using Mask = Extras::Mask;
  if (extras.mask != Mask::none) {
    const bool of_keys = extras.mask == Mask::keys || extras.mask == Mask::keys_additive;
    problem.mask = {of_keys ? MaskKind::keys : MaskKind::scores, extras.mask == Mask::scores_per_head,
                    extras.mask == Mask::keys_additive || extras.mask == Mask::scores_per_head};
  }
  problem.is_training = extras.dropout > 0.0;
  problem.dropout_seed = 99;
  return problem;
}

inline const std::vector<int> kAxisSizes{4, 5, 5, 2, 4, 4, 4, 3};

}  // namespace ringattn::testing
