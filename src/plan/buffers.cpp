#include "plan/buffers.h"

#include <algorithm>

namespace ringattn {
namespace {

/// Of the two buffers, those that the hops up to `last` have needed; all of them where they are taken at once.
std::int64_t pool_bytes(const Plan& plan, const CostShape& shape, const BufferRule& rule, std::size_t last) {
  const Cost cost = cost_of(plan, shape);
  bool needed[2] = {rule.preallocates, rule.preallocates};
  for (std::size_t i = 0; i <= last && i < plan.steps.size(); ++i)
    needed[Plan::buffer_of(i)] |= region_bytes(plan.steps[i], shape) > 0;
  return (needed[0] ? cost.buffer_bytes[0] : 0) + (needed[1] ? cost.buffer_bytes[1] : 0);
}

}  // namespace

std::vector<std::int64_t> live_buffer_bytes(const Plan& plan, const CostShape& shape, const BufferRule& rule,
                                            bool overlaps) {
  const std::size_t count = plan.steps.size();
  const auto bytes = [&](std::size_t i) { return region_bytes(plan.steps[i], shape); };
  std::vector<std::int64_t> live(count);
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_last = i + 1 == count;
    if (rule.uses_pool) {
      live[i] = pool_bytes(plan, shape, rule, overlaps ? i + 1 : i);
      if (is_last && rule.frees_early && i > 0)
        live[i] = bytes(i) > 0 ? cost_of(plan, shape).buffer_bytes[Plan::buffer_of(i)] : 0;
      continue;
    }
    // What the hop before brought is sent on from where it lies until the next exchange is posted, or the ring ends.
    const bool has_previous = i > 0 && (overlaps ? is_last : true) && !(is_last && rule.frees_early);
    live[i] = bytes(i) + (has_previous ? bytes(i - 1) : 0) + (overlaps && !is_last ? bytes(i + 1) : 0);
  }
  return live;
}

std::int64_t exchange_buffer_bytes(const Plan& plan, const CostShape& shape, const BufferRule& rule) {
  if (rule.uses_pool) return pool_bytes(plan, shape, rule, plan.steps.size());
  std::int64_t most = 0;
  for (std::size_t i = 1; i < plan.steps.size(); ++i)
    most = std::max(most, region_bytes(plan.steps[i - 1], shape) + region_bytes(plan.steps[i], shape));
  return most;
}

}  // namespace ringattn
