#include "measure/runner.h"

#include "attention/device_stream.h"
#include "comm/rank_places.h"
#include "config/error.h"
#include "measure/clock.h"
#include "measure/pairing.h"
#include "measure/rank_results.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace ringattn {
namespace {

std::size_t index(const Communicator& communicator) { return static_cast<std::size_t>(communicator.rank()); }

at::Tensor mask_rows(MaskKind kind, const InputSource& inputs, const Positions& queries, const Positions& keys) {
  switch (kind) {
    case MaskKind::none:
      return {};
    case MaskKind::keys:
      return inputs.mask(keys);
    case MaskKind::scores:
      return inputs.mask(queries);
  }
  return {};
}

/// When one rank began and ended.
struct RankTimes {
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;
  std::int64_t waited_ns = 0;
};

/// Written by the rank threads, each its own place.
struct Stopwatch {
  explicit Stopwatch(int size) : ranks(static_cast<std::size_t>(size)) {}
  /// On few cores ranks leave the barrier one after another: the first one's start is the common one. Clocks of
  /// different hosts have none in common: the longest of the ranks' own times then.
  std::int64_t elapsed_ns(bool is_one_clock) const {
    std::int64_t start = INT64_MAX, longest = 0;
    for (const RankTimes& rank : ranks) {
      start = std::min(start, rank.start_ns);
      longest = std::max(longest, rank.end_ns - rank.start_ns);
    }
    return is_one_clock ? last(true).end_ns - start : longest;
  }
  /// Of the rank that ended last.
  std::int64_t exposed_ns(bool is_one_clock) const { return last(is_one_clock).waited_ns; }

  std::vector<RankTimes> ranks;

 private:
  const RankTimes& last(bool is_one_clock) const {
    const auto end = [&](const RankTimes& rank) { return is_one_clock ? rank.end_ns : rank.end_ns - rank.start_ns; };
    return *std::max_element(ranks.begin(), ranks.end(),
                             [&](const RankTimes& a, const RankTimes& b) { return end(a) < end(b); });
  }
};

struct Sample {
  std::int64_t time_ns = 0;
  std::int64_t exposed_ns = 0;
};

/// Marks the query for autograd where the pass wants it.
RankInputs prepared_for(Pass pass, RankInputs inputs) {
  if (pass == Pass::autograd) inputs.query.set_requires_grad(true);
  return inputs;
}

Partial detached(const Partial& result) {
  return {result.out.detach(), result.lse.defined() ? result.lse.detach() : at::Tensor()};
}

/// One contender with the inputs of all ranks.
struct PreparedContender {
  TimedContender contender;
  std::vector<RankInputs> inputs;
  std::vector<at::Tensor> grad_out;
};

PreparedContender prepare(const TimedContender& contender, const InputSource& inputs, at::ScalarType dtype) {
  const auto ranks = static_cast<std::size_t>(contender.world->size());
  PreparedContender prepared{contender, std::vector<RankInputs>(ranks), std::vector<at::Tensor>(ranks)};
  contender.world->run([&](Communicator& c) {
    const Attention& attention = *contender.attention;
    prepared.inputs[index(c)] =
        prepared_for(contender.pass, rank_inputs(attention, c.rank(), c.world_size(), inputs, dtype));
    prepared.grad_out[index(c)] = rank_grad_out(attention, c.rank(), c.world_size(), inputs, dtype, contender.pass);
    contender.attention->prepare(c, prepared.inputs[index(c)]);
  });
  return prepared;
}

Sample run_once(const PreparedContender& prepared) {
  World& world = *prepared.contender.world;
  Stopwatch watch(world.size());
  world.run([&](Communicator& c) {
    c.barrier();
    RankTimes& own_times = watch.ranks[index(c)];
    own_times.start_ns = now_ns();
    Attention& attention = *prepared.contender.attention;
    const RankInputs& own = prepared.inputs[index(c)];
    const Partial result = attention.forward(c, own);
    Gradients gradients;
    if (prepared.contender.pass != Pass::forward)
      gradients = attention.backward(c, own, result, prepared.grad_out[index(c)]);
    wait_for_device(own.query.device());
    own_times.end_ns = now_ns();
    own_times.waited_ns = c.waited_ns();
    c.barrier();  // nobody's result is freed while others are still being timed
  });
  gather_places(world, watch.ranks);
  const ProcessGroup* group = world.processes();
  const bool is_one_clock = group == nullptr || group->on_this_host(world.size()) == world.size();
  return {watch.elapsed_ns(is_one_clock), watch.exposed_ns(is_one_clock)};
}

/// A decision of all processes where the contenders' ranks are processes: one is enough.
bool any_of(const std::vector<PreparedContender>& contenders, bool here) {
  ProcessGroup* group = contenders.front().contender.world->processes();
  return group == nullptr ? here : group->any_of(here);
}

/// One round: every contender once. Empty when stopped on the way.
std::vector<Sample> run_pair(const std::vector<PreparedContender>& contenders, std::int64_t pair,
                             const std::function<bool()>& stop) {
  std::vector<Sample> samples(contenders.size());
  for (const int i : pair_order(static_cast<int>(contenders.size()), pair)) {
    if (any_of(contenders, stop && stop())) return {};
    samples[static_cast<std::size_t>(i)] = run_once(contenders[static_cast<std::size_t>(i)]);
  }
  return samples;
}

}  // namespace

RankInputs rank_inputs(const Attention& attention, int rank, int world_size, const InputSource& inputs,
                       at::ScalarType dtype) {
  const Positions queries = attention.query_positions(rank, world_size);
  const Positions keys = attention.key_positions(rank, world_size);
  return {.query = inputs.rows(InputTensor::query, queries, dtype),
          .key = inputs.rows(InputTensor::key, keys, dtype),
          .value = inputs.rows(InputTensor::value, keys, dtype),
          .mask = mask_rows(attention.function().mask.kind, inputs, queries, keys)};
}

at::Tensor rank_grad_out(const Attention& attention, int rank, int world_size, const InputSource& inputs,
                         at::ScalarType dtype, Pass pass) {
  if (pass == Pass::forward) return {};
  return inputs.rows(InputTensor::grad_out, attention.query_positions(rank, world_size), dtype);
}

std::int64_t input_bytes(const RankInputs& inputs, const at::Tensor& grad_out) {
  std::size_t bytes = inputs.query.nbytes() + inputs.key.nbytes() + inputs.value.nbytes();
  if (inputs.mask.defined()) bytes += inputs.mask.nbytes();
  if (grad_out.defined()) bytes += grad_out.nbytes();
  return static_cast<std::int64_t>(bytes);
}

RankCost rank_cost(const MemoryUse& use, std::int64_t input_bytes) {
  return {.input_bytes = input_bytes,
          .peak_bytes = use.peak_bytes,
          .live_bytes = input_bytes + use.peak_bytes,
          .largest_bytes = use.largest_bytes,
          .allocations = use.allocations};
}

namespace {

/// Bytes of the memory that the results lie in, each once.
std::int64_t result_bytes(const Partial& result, const Gradients& gradients) {
  std::map<const void*, std::size_t> bytes;
  for (const at::Tensor& tensor : {result.out, result.lse, gradients.query, gradients.key, gradients.value}) {
    if (tensor.defined()) bytes[tensor.storage().data()] = tensor.storage().nbytes();
  }
  std::int64_t total = 0;
  for (const auto& [memory, size] : bytes) total += static_cast<std::int64_t>(size);
  return total;
}

}  // namespace

Partial on_cpu(const Partial& result) {
  return {result.out.cpu(), result.lse.defined() ? result.lse.cpu() : at::Tensor()};
}

Gradients on_cpu(const Gradients& gradients) {
  return {gradients.query.cpu(), gradients.key.cpu(), gradients.value.cpu()};
}

MeteredRun meter(World& world, Attention& attention, const InputSource& inputs, at::ScalarType dtype, Pass pass) {
  const std::int64_t start_ns = now_ns();
  const auto ranks = static_cast<std::size_t>(world.size());
  MeteredRun run{.measurement = {}, .results = std::vector<Partial>(ranks), .gradients = {}};
  if (pass != Pass::forward) run.gradients.resize(ranks);
  run.measurement.ranks.resize(ranks);
  world.reset_traffic();
  world.run([&](Communicator& c) {
    const RankInputs own = prepared_for(pass, rank_inputs(attention, c.rank(), c.world_size(), inputs, dtype));
    const at::Tensor grad_out = rank_grad_out(attention, c.rank(), c.world_size(), inputs, dtype, pass);
    attention.prepare(c, own);
    c.barrier();  // what preparing moved is no traffic of the call
    if (c.rank() == 0 || world.processes() != nullptr) world.reset_traffic();
    c.barrier();
    const MemoryMeter meter(own.query.device());
    Partial& result = run.results[index(c)];
    result = attention.forward(c, own);
    Gradients gradients;
    if (pass != Pass::forward) gradients = run.gradients[index(c)] = attention.backward(c, own, result, grad_out);
    RankCost& cost = run.measurement.ranks[index(c)];
    cost = rank_cost(meter.use(), input_bytes(own, grad_out));
    if (own.query.is_cpu()) cost.kept_bytes = meter.use().live_bytes - result_bytes(result, gradients);
    if (pass == Pass::autograd) result = detached(result);
    if (own.query.is_cpu()) return;
    result = on_cpu(result);
    if (pass != Pass::forward) run.gradients[index(c)] = on_cpu(run.gradients[index(c)]);
  });
  gather_places(world, run.measurement.ranks);
  gather_results(world, run.results, run.gradients);
  const Traffic traffic = world.traffic();
  for (int rank = 0; rank < world.size(); ++rank) {
    RankCost& cost = run.measurement.ranks[static_cast<std::size_t>(rank)];
    cost.sent_bytes = traffic.sent_bytes(rank);
    cost.received_bytes = traffic.received_bytes(rank);
    cost.messages = traffic.messages(rank);
  }
  run.measurement.metering_time_ns = now_ns() - start_ns;
  return run;
}

TimedRuns time_interleaved(World& world, std::span<Attention* const> contenders, const InputSource& inputs,
                           at::ScalarType dtype, const TimingOptions& options) {
  std::vector<TimedContender> on_world;
  for (Attention* attention : contenders) on_world.push_back({.world = &world, .attention = attention});
  return time_interleaved(on_world, inputs, dtype, options);
}

TimedRuns time_interleaved(std::span<const TimedContender> contenders, const InputSource& inputs, at::ScalarType dtype,
                           const TimingOptions& options) {
  if (contenders.empty()) throw UsageError("contenders: none given, at least one is needed");
  if (options.pairs < 1) throw UsageError("pairs: " + std::to_string(options.pairs) + ", must be at least 1");
  const std::int64_t start_ns = now_ns();
  std::vector<PreparedContender> prepared;
  for (const TimedContender& contender : contenders)
    prepared.push_back(prepare(contender, contender.inputs != nullptr ? *contender.inputs : inputs, dtype));

  TimedRuns runs{.time_ns = std::vector<std::vector<std::int64_t>>(contenders.size()),
                 .exposed_ns = std::vector<std::vector<std::int64_t>>(contenders.size())};
  // Pairs of number < 0 warm caches, allocators and threads up.
  for (std::int64_t pair = -options.warmups; pair < options.pairs; ++pair) {
    const bool over_budget =
        any_of(prepared, options.time_budget.count() > 0 && now_ns() - start_ns >= options.time_budget.count());
    if (over_budget && pair > 0) {
      runs.end = TimingEnd::over_budget;
      break;
    }
    const std::vector<Sample> samples = run_pair(prepared, pair, options.stop);
    if (samples.empty()) {
      runs.end = TimingEnd::stopped;
      break;
    }
    if (pair < 0) continue;
    for (std::size_t i = 0; i < samples.size(); ++i) {
      runs.time_ns[i].push_back(samples[i].time_ns);
      runs.exposed_ns[i].push_back(samples[i].exposed_ns);
    }
  }
  return runs;
}

struct PreparedTiming::Impl {
  PreparedContender prepared;
};

PreparedTiming::PreparedTiming(const TimedContender& contender, const InputSource& inputs, at::ScalarType dtype)
    : impl_(std::make_unique<Impl>(
          Impl{prepare(contender, contender.inputs != nullptr ? *contender.inputs : inputs, dtype)})) {}
PreparedTiming::~PreparedTiming() = default;

std::int64_t PreparedTiming::sample_ns() { return run_once(impl_->prepared).time_ns; }

}  // namespace ringattn
