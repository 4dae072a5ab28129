#pragma once

#include "cli/options.h"

#include <cstdint>
#include <optional>

namespace ringattn {

/// `ringattn plan`: what each rank will do, and what it will cost, without running anything.
struct PlanOptions {
  SharedOptions shared{};
  WorkloadOptions workload{};
  std::optional<std::int64_t> ranks{};  ///< --ranks: one world size instead of the workload's; you need not own so many
  std::optional<std::int64_t> rank{};   ///< --rank: the steps of this rank alone, 0 … ranks-1
};

void add_plan(CLI::App& app, const SharedOptions& shared, Invocation& invocation);

}  // namespace ringattn
