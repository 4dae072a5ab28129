#include "ring/tuning.h"

#include "comm/trace.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringattn {
namespace {

constexpr std::int64_t kKiB = 1 << 10;

/// The same on every rank.
std::vector<Candidate> candidates(const AttentionFunction& function, const RingAttentionConfig& config,
                                  const ExecutorOptions& options, const at::Device& device) {
  std::vector<std::int64_t> blocks{options.partial_bytes_max};
  if (device.is_cpu()) blocks.insert(blocks.end(), {128 * kKiB, 2048 * kKiB});
  std::vector<Candidate> list;
  for (const Backend backend : backends_to_try(config, function)) {
    for (const std::int64_t block : blocks) list.push_back({backend, block, 0});
  }
  return list;
}

/// Of the slowest rank; the better of two runs.
std::int64_t measured_ns(const Plan& plan, const RankInputs& inputs, Communicator& communicator,
                         const BlockBackend& backend, const ExecutorOptions& options) {
  std::int64_t best_ns = 0;
  for (int run = 0; run < 2; ++run) {
    communicator.barrier();
    const std::int64_t begin = steady_now_ns();
    (void)execute(plan, inputs, communicator, backend, options);
    const std::vector<std::int64_t> all = communicator.all_gather_value(steady_now_ns() - begin);
    const std::int64_t slowest = *std::max_element(all.begin(), all.end());
    best_ns = run == 0 ? slowest : std::min(best_ns, slowest);
  }
  return best_ns;
}

}  // namespace

std::vector<Backend> backends_to_try(const RingAttentionConfig& config, const AttentionFunction& function) {
  if (config.backend != Backend::automatic) return {config.backend};
  if (!config.use_fused_kernels || function.dropout > 0.0) return {Backend::reference};
  return {Backend::sdpa, Backend::reference};
}

std::string Tuning::text() const {
  std::string text;
  for (const Candidate& candidate : tried) {
    const bool is_taken =
        backend && to_string(candidate.backend) == backend->name() && candidate.partial_bytes_max == partial_bytes_max;
    text += fmt::format("{}{}, partials of {} KiB: {:.2f} ms{}", text.empty() ? "" : "; ", to_string(candidate.backend),
                        candidate.partial_bytes_max / kKiB, static_cast<double>(candidate.time_ns) / 1e6,
                        is_taken ? " (taken)" : "");
  }
  return text;
}

Tuning tune(const Plan& plan, const RankInputs& inputs, Communicator& communicator, const RingAttentionConfig& config,
            const ExecutorOptions& options, std::int64_t budget_ns) {
  Tuning tuning;
  std::int64_t spent_ns = 0;
  for (Candidate candidate : candidates(plan.pattern.function, config, options, inputs.query.device())) {
    if (spent_ns > budget_ns) break;
    ExecutorOptions these = options;
    these.trace = nullptr;
    these.partial_bytes_max = candidate.partial_bytes_max;
    candidate.time_ns =
        measured_ns(plan, inputs, communicator, *make_backend(candidate.backend, plan.pattern.function), these);
    spent_ns += 2 * candidate.time_ns;
    tuning.tried.push_back(candidate);
  }
  const Candidate& usual = tuning.tried.front();
  const Candidate& fastest =
      *std::min_element(tuning.tried.begin(), tuning.tried.end(),
                        [](const Candidate& a, const Candidate& b) { return a.time_ns < b.time_ns; });
  const Candidate& taken = fastest.time_ns * 100 < usual.time_ns * 97 ? fastest : usual;
  tuning.backend = make_backend(taken.backend, plan.pattern.function);
  tuning.partial_bytes_max = taken.partial_bytes_max;
  return tuning;
}

}  // namespace ringattn
