#include "cli/bench_effort.h"

#include "attention/index_sets.h"
#include "compare/reference.h"
#include "measure/clock.h"
#include "measure/scalar_type.h"
#include "measure/world_forecast.h"
#include "pattern/pattern.h"
#include "plan/cost.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace ringattn {
namespace {

constexpr std::int64_t kProbedRows = 4096;
/// A machine that computes no faster than this is taken to need a plan.
constexpr double kSurelyFlopsPerS = 1e10, kSurelyElementsPerS = 5e7;
/// The share of the free memory that a case may take.
constexpr double kMemoryShare = 0.9;
/// Inputs are made for the metered pass and again for the timed ones.
constexpr double kTimesMade = 2.0;
constexpr double kNanoseconds = 1e9;
/// Products of matrices in forward and backward together, of those in forward alone: 2 and 5 of them.
constexpr double kBothPasses = 3.5;

/// What an old implementation takes, of what one rank of a ring takes for its function: plain operations where the ring
/// has the library's kernels, and all queries on each rank.
double old_factor(std::int64_t ranks) { return 2.0 + 0.6 * static_cast<double>(ranks); }

/// Elements of query, key and value together.
double elements_of(const Case& axes) {
  return static_cast<double>(axes.batch * axes.seq_len * axes.head_dim * (axes.heads + 2 * axes.key_heads()));
}

double flops_of(const Contender& contender) {
  const Case& axes = contender.axes;
  const auto pairs = static_cast<double>(attended_pairs(make_pattern(contender.attention->function())));
  const double work = 4.0 * static_cast<double>(axes.batch * axes.head_dim) * pairs;
  return contender.ring != nullptr ? work : work * old_factor(axes.ranks);
}

std::string gibibytes(std::int64_t bytes) {
  return fmt::format("{:.3g} GiB", static_cast<double>(bytes) / static_cast<double>(std::int64_t{1} << 30));
}

}  // namespace

bool BenchEfforts::all_fit(std::int64_t pairs) {
  double seconds = 0.0;
  for (const std::vector<Case>& group : setup_.groups) {
    for (const Case& axes : group) {
      if (measured_bytes(axes, group.size()) > free_bytes_) return false;
      const auto passes = static_cast<double>(pairs + 2) * pass_factor();
      for (const std::string& name : setup_.contenders.names())
        seconds += passes * flops_of(setup_.contenders.make(name, axes, bench_.problem(axes))) / kSurelyFlopsPerS +
                   kTimesMade * elements_of(axes) / kSurelyElementsPerS;
    }
  }
  return 1e3 * seconds <= static_cast<double>(options_.time_budget.count()) / 2.0;
}

std::vector<CaseEffort> BenchEfforts::of(const std::vector<Case>& group) {
  std::vector<CaseEffort> efforts;
  for (const Case& axes : group) {
    CaseEffort effort{.id = case_id(axes)};
    effort.measured = measured(axes, group.size());
    effort.rehearsed = rehearsed(axes, effort.rank);
    efforts.push_back(std::move(effort));
  }
  return efforts;
}

/// Inputs of the whole group are held while it is timed.
std::int64_t BenchEfforts::measured_bytes(const Case& axes, std::size_t group_size) {
  const auto held = static_cast<double>(group_size * setup_.contenders.names().size() - 1) * elements_of(axes) *
                    static_cast<double>(element_bytes(axes.dtype));
  return estimated_bytes(axes, bench_.inputs(axes).mask_shape(), setup_.contenders.have_old(), false) +
         static_cast<std::int64_t>(held);
}

Effort BenchEfforts::measured(const Case& axes, std::size_t group_size) {
  Effort effort;
  const std::int64_t bytes = measured_bytes(axes, group_size);
  if (static_cast<double>(bytes) > kMemoryShare * static_cast<double>(free_bytes_))
    effort.why_not = fmt::format("all ranks need about {}, {} are free", gibibytes(bytes), gibibytes(free_bytes_));
  const double cores = std::min<double>(static_cast<double>(axes.ranks), at::get_num_threads());
  for (const std::string& name : setup_.contenders.names()) {
    const Contender contender = setup_.contenders.make(name, axes, bench_.problem(axes));
    const PriceShape shape = price_shape(bench_.inputs(axes), scalar_type(axes.dtype));
    if (contender.ring != nullptr) {
      effort.pass_ns += thread_world_ns({*contender.ring, axes, shape}, rates_);
    } else {
      RingAttention like(setup_.resolved.preset.config, bench_.problem(axes), 1);
      Case alone = axes;
      alone.ranks = 1;
      effort.pass_ns += old_factor(axes.ranks) * thread_world_ns({like, alone, shape}, rates_);
    }
    effort.once_ns += kTimesMade * input_ns(elements_of(axes), axes) / cores;
  }
  effort.pass_ns *= pass_factor();
  effort.once_ns += effort.pass_ns;
  return effort;
}

double BenchEfforts::pass_factor() const { return options_.backward ? kBothPasses : 1.0; }

Effort BenchEfforts::rehearsed(const Case& axes, std::int64_t& rank) {
  Effort effort;
  if (axes.ranks == 1) return {.why_not = "one rank alone is a measurement"};
  if (setup_.contenders.have_old()) return {.why_not = "old implementations are rehearsed with --rehearse alone"};
  if (!options_.inputs.projection.empty() && options_.inputs.projection != "none")
    return {.why_not = "attentions behind projections are not rehearsed"};
  const auto world_size = static_cast<int>(axes.ranks);
  const double elements = elements_of(axes);
  for (const std::string& name : setup_.contenders.names()) {
    const Contender contender = setup_.contenders.make(name, axes, bench_.problem(axes));
    const ForecastCase subject{*contender.ring, axes, price_shape(bench_.inputs(axes), scalar_type(axes.dtype))};
    const CostShape shape = cost_shape(subject.shape, contender.ring->function());
    std::int64_t most = -1, received_rows = 0;
    for (const int candidate : ranks_to_price(world_size)) {
      const Cost cost = cost_of(contender.ring->plan(candidate), shape);
      if (cost.flops <= most) continue;
      most = cost.flops, rank = candidate, received_rows = cost.received_rows;
    }
    const int one[] = {static_cast<int>(rank)};
    const double received = static_cast<double>(2 * received_rows * axes.batch * axes.head_dim);
    effort.pass_ns += lone_ranks_ns(subject, one, rates_, rates_.wire());
    effort.once_ns +=
        input_ns(elements / static_cast<double>(axes.ranks) + kTimesMade * received, axes) + oracle_ns(name, axes);
  }
  effort.pass_ns *= pass_factor();
  effort.once_ns += effort.pass_ns;
  // The references hold query, key and value of the whole sequence, and scores of the judged rows.
  const double bytes = elements * static_cast<double>(element_bytes(axes.dtype)) +
                       4.0 * static_cast<double>(judged_rows_max(axes)) * static_cast<double>(axes.seq_len) * 12.0 +
                       10.0 * 4.0 * elements / static_cast<double>(axes.ranks);
  if (bytes > kMemoryShare * static_cast<double>(free_bytes_))
    effort.why_not =
        fmt::format("a rehearsed rank and its oracle need about {}", gibibytes(static_cast<std::int64_t>(bytes)));
  return effort;
}

double BenchEfforts::input_ns(double elements, const Case& axes) {
  if (!element_ns_) {
    const InputSource& inputs = bench_.inputs(axes);
    const Positions some{{.first = 0, .count = std::min(kProbedRows, axes.seq_len), .step = 1}};
    const std::int64_t begin = now_ns();
    const at::Tensor rows = inputs.rows(InputTensor::key, some, scalar_type(axes.dtype));
    element_ns_ = static_cast<double>(now_ns() - begin) / static_cast<double>(rows.numel());
  }
  return elements * *element_ns_;
}

/// Judging a number of rows goes with the number of keys.
double BenchEfforts::oracle_ns(const std::string& name, const Case& axes) {
  Case probe = axes;
  probe.ranks = 1;
  if (options_.inputs.file.empty()) probe.seq_len = std::min(kProbedRows, axes.seq_len);
  const std::int64_t probed_rows = std::min(judged_rows_max(axes), probe.seq_len);
  const std::string key = fmt::format("{} {} {}", name, case_id(probe), probed_rows);
  auto found = oracle_row_ns_.find(key);
  if (found == oracle_row_ns_.end()) {
    std::vector<std::int64_t> judged(static_cast<std::size_t>(probed_rows));
    for (std::int64_t i = 0; i < probed_rows; ++i)
      judged[static_cast<std::size_t>(i)] = i * probe.seq_len / probed_rows;
    const Contender contender = setup_.contenders.make(name, probe, bench_.problem(probe));
    ReferenceBook references(bench_.cpu_inputs(probe), std::move(judged));
    const Reference& made = references.of(contender.attention->function(), scalar_type(probe.dtype));
    const auto spent = static_cast<double>(made.oracle_ns);
    found = oracle_row_ns_.emplace(key, spent / static_cast<double>(probe.seq_len)).first;
  }
  return found->second * static_cast<double>(axes.seq_len);
}

}  // namespace ringattn
