#include "compare/gradient_ways.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>

namespace ringattn {
namespace {

/// Numbers of these positions among ascending ones, of which they are some.
at::Tensor places_of(const std::vector<Rows>& positions, const std::vector<std::int64_t>& ascending) {
  std::vector<std::int64_t> places;
  for (const Rows& run : positions) {
    for (const std::int64_t position : expand(run))
      places.push_back(std::lower_bound(ascending.begin(), ascending.end(), position) - ascending.begin());
  }
  return at::tensor(places, at::kLong);
}

}  // namespace

GradientWays::GradientWays(const std::vector<const Plan*>& plans) : ranks_(static_cast<int>(plans.size())) {
  const RowLayout& layout = plans.front()->layout;
  const std::int64_t heads = plans.front()->pattern.function.key_heads();
  for (int owner = 0; owner < ranks_; ++owner) {
    const at::Tensor none = at::zeros({layout.local_rows(owner), heads}, at::kBool);
    held_.emplace_back();
    for (int hop = 1; hop < ranks_; ++hop) held_.back().push_back(none.clone());
  }
  for (const Plan* plan : plans) {
    for (const Step& step : plan->steps) {
      if (step.hop == 0) continue;
      const at::Tensor& held = held_[static_cast<std::size_t>(step.source)][static_cast<std::size_t>(step.hop - 1)];
      const std::vector<std::int64_t> rows = expand(layout.positions(step.source));
      for (const Region& region : step.regions)
        held.narrow(1, region.heads.begin, region.heads.size()).index_fill_(0, places_of(region.positions, rows), true);
    }
  }
}

const at::Tensor& GradientWays::held(int owner, int hop) const {
  return held_[static_cast<std::size_t>(owner)][static_cast<std::size_t>(hop - 1)];
}

at::Tensor GradientWays::on_the_way(int owner, int from, int at) const {
  at::Tensor rows = held(owner, at);
  for (int hop = from; hop < at; ++hop) rows = rows.logical_and(held(owner, hop));
  return rows;
}

at::Tensor GradientWays::home(int owner, int from, int hop) const {
  at::Tensor home = at::zeros_like(held(owner, from));
  for (int end = from; end <= hop; ++end) {
    at::Tensor ends = on_the_way(owner, from, end);
    if (end + 1 < ranks_) ends = ends.logical_and(held(owner, end + 1).logical_not());
    home.logical_or_(ends);
  }
  return home;
}

}  // namespace ringattn
