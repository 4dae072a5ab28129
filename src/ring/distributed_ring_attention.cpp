#include "ring/distributed_ring_attention.h"

#include "config/error.h"
#include "plan/buffers.h"
#include "ring/ulysses_ring.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace ringattn {
namespace {

/// The ring and the rank in it that computes for this rank.
struct Place {
  RingAttention* ring = nullptr;
  int rank = 0;
};
Place place_of(const Attention& attention, int rank) {
  // Plans are made when they are first asked for, which changes nothing that is computed.
  auto& asked = const_cast<Attention&>(attention);
  if (auto* ring = dynamic_cast<RingAttention*>(&asked)) return {ring, rank};
  auto* ulysses = dynamic_cast<UlyssesRing*>(&asked);
  if (ulysses == nullptr) return {};
  return {&ulysses->ring(rank % ulysses->inner()), rank / ulysses->inner()};
}

CostShape shape_of(const RankInputs& inputs) {
  const auto element = static_cast<std::int64_t>(inputs.query.element_size());
  return {.batch = inputs.query.size(0),
          .head_dim = inputs.query.size(3),
          .element_bytes = element,
          .state_bytes = std::max<std::int64_t>(4, element)};
}

std::int64_t priced_peak(const Plan& plan, const CostShape& shape, const ExecutorOptions& options) {
  const std::vector<std::int64_t> buffers =
      live_buffer_bytes(plan, shape, options.buffers, options.overlap_communication);
  const Cost cost = cost_of(plan, shape);
  if (is_single_tile(plan))
    return shape.batch * plan.rows * plan.pattern.function.heads * shape.head_dim * shape.element_bytes;
  return cost.state_bytes + std::max(*std::max_element(buffers.begin(), buffers.end()), cost.result_bytes);
}

}  // namespace

DistributedRingAttention::DistributedRingAttention(RingAttentionConfig config, Communicator& communicator,
                                                   DistributedOptions options)
    : StandardRingAttention(with_deepspeed(std::move(config), options.deepspeed), communicator),
      options_(std::move(options)) {
  const std::int64_t inner = options_.deepspeed.sequence_parallel_size;
  if (ring().world_size() % inner != 0)
    throw UsageError(
        fmt::format("sequence_parallel_size: {} must divide the {} ranks of a ring", inner, ring().world_size()));
  if (inner > 1 && this->config().compile_mode == CompileMode::max_autotune)
    options_.deepspeed.warnings.push_back(fmt::format(
        "sequence_parallel_size: {}: compile_mode max-autotune measures one ring, not two dimensions", inner));
}

std::shared_ptr<Attention> DistributedRingAttention::do_make(
    const RingAttentionConfig& config, const Problem& problem,
    const std::optional<std::vector<std::int64_t>>& shard_rows) {
  const auto inner = static_cast<int>(options_.deepspeed.sequence_parallel_size);
  const bool compresses = options_.deepspeed.communication_dtype == Dtype::bf16;
  if (inner == 1) {
    std::shared_ptr<Attention> attention = StandardRingAttention::do_make(config, problem, shard_rows);
    if (compresses) dynamic_cast<RingAttention&>(*attention).compress_gradients();
    return attention;
  }
  const bool is_given = shard_rows && config.layout == Layout::contiguous;
  auto attention =
      std::make_shared<UlyssesRing>(config, problem, ring().world_size(), inner, is_given ? shard_rows : std::nullopt);
  for (int rank = 0; shard_rows && rank < ring().world_size(); ++rank) {
    const std::int64_t wanted = count(attention->query_positions(rank, ring().world_size()));
    const std::int64_t given = (*shard_rows)[static_cast<std::size_t>(rank)];
    if (given != wanted)
      throw UsageError(fmt::format("already_split: rank {} has {} rows, but layout {} gives it {} of {}", rank, given,
                                   to_string(attention->layout_kind()), wanted, problem.seq_len));
  }
  for (int place = 0; compresses && place < inner; ++place) attention->ring(place).compress_gradients();
  attention->record_in(records());
  return attention;
}

void DistributedRingAttention::do_call(const Attention& attention, const RankInputs& inputs,
                                       const std::function<void()>& call) {
  const int rank = ring().rank();
  if (!std::exchange(has_warned_, true) && rank == 0) {
    for (const std::string& warning : options_.deepspeed.warnings) say("DeepSpeed: " + warning);
  }
  const RingCommunicationStats before = statistics();
  ForwardFacts facts{.rank = rank, .forward = forwards() + 1};
  const std::int64_t begin = steady_now_ns();
  if (options_.meter)
    facts.peak_bytes = options_.meter(inputs.query.device(), call);
  else
    call();
  facts.time_ns = steady_now_ns() - begin;
  facts.is_peak_measured = static_cast<bool>(options_.meter);
  facts.total = statistics();
  facts.call = difference(facts.total, before);
  facts.compression_error = compression_error();
  const Place place = place_of(attention, rank);
  const Plan& plan = place.ring->plan(place.rank);
  facts.flops = cost_of(plan, shape_of(inputs)).flops;
  if (!facts.is_peak_measured) facts.peak_bytes = priced_peak(plan, shape_of(inputs), place.ring->executor_options());
  if (!options_.monitoring_folder.empty()) write_monitoring(options_.monitoring_folder, facts);
  const double ms = static_cast<double>(facts.time_ns) / 1e6;
  if (options_.deepspeed.logs_time)
    say(fmt::format("rank {}: forward {}: {:.3f} ms, of which {:.3f} waiting for rows", rank, facts.forward, ms,
                    static_cast<double>(facts.call.exposed_ns) / 1e6));
  if (options_.deepspeed.profiles_flops && facts.forward == options_.deepspeed.profile_step)
    say(fmt::format("rank {}: forward {}: {:.3f} GFLOP, {:.3f} GFLOP/s", rank, facts.forward,
                    static_cast<double>(facts.flops) / 1e9,
                    static_cast<double>(facts.flops) / std::max(1.0, static_cast<double>(facts.time_ns))));
}

}  // namespace ringattn
