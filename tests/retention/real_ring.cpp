#include "tests/retention/real_ring.h"

#include "attention/device_stream.h"
#include "kernels/device.h"
#include "measure/clock.h"
#include "measure/pairing.h"
#include "measure/price.h"
#include "measure/rank_world.h"
#include "measure/rehearsal.h"
#include "measure/runner.h"
#include "measure/statistics.h"
#include "ring/ring_attention.h"
#include "tests/retention/drawn_inputs.h"
#include "tests/retention/gathered_attention.h"
#include "tests/retention/whole_call.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace ringattn {
namespace {

constexpr std::int64_t kHeads = 16;
constexpr std::int64_t kDim = 128;
constexpr std::int64_t kSampleNs = 10'000'000;

RingAttentionConfig dense() {
  RingAttentionConfig config;
  config.pattern.name = PatternName::dense;
  return config;
}

/// One of those that are timed, with what its ranks were given.
class Contender {
 public:
  Contender(Attention& attention, int ranks, Pass pass, const InputSource& inputs)
      : attention_(attention),
        pass_(pass),
        world_(ranks, {}, at::kCUDA),
        own_(static_cast<std::size_t>(ranks)),
        grad_out_(own_.size()) {
    peak_bytes_ = peak_of(meter(world_.world(), attention, inputs, at::kBFloat16, pass));
    world_.world().run([&](Communicator& c) {
      const auto rank = static_cast<std::size_t>(c.rank());
      own_[rank] = rank_inputs(attention, c.rank(), c.world_size(), inputs, at::kBFloat16);
      grad_out_[rank] = rank_grad_out(attention, c.rank(), c.world_size(), inputs, at::kBFloat16, pass);
    });
    for (int i = 0; i < 2; ++i) (void)time(2);
    repeats_ = std::clamp<std::int64_t>(kSampleNs / std::max<std::int64_t>(1, time(4)), 3, 64);
  }

  void sample() { time_ns_.push_back(static_cast<double>(time(repeats_))); }
  const std::vector<double>& time_ns() const { return time_ns_; }
  std::int64_t peak_bytes() const { return peak_bytes_; }

 private:
  static std::int64_t peak_of(const MeteredRun& run) {
    std::int64_t peak = 0;
    for (const RankCost& rank : run.measurement.ranks) peak = std::max(peak, rank.peak_bytes);
    return peak;
  }

  /// Of `repeats` runs that follow one another, the mean; from the first rank's start to the last one's end.
  std::int64_t time(std::int64_t repeats) {
    std::vector<std::int64_t> begin(own_.size()), end(own_.size());
    world_.world().run([&](Communicator& c) {
      const auto rank = static_cast<std::size_t>(c.rank());
      const RankInputs& own = own_[rank];
      c.barrier();
      begin[rank] = now_ns();
      for (std::int64_t i = 0; i < repeats; ++i) {
        const Partial result = attention_.forward(c, own);
        if (pass_ != Pass::forward) (void)attention_.backward(c, own, result, grad_out_[rank]);
      }
      wait_for_device(own.query.device());
      end[rank] = now_ns();
      c.barrier();
    });
    return (*std::max_element(end.begin(), end.end()) - *std::min_element(begin.begin(), begin.end())) / repeats;
  }

  Attention& attention_;
  Pass pass_;
  RankWorld world_;
  std::vector<RankInputs> own_;
  std::vector<at::Tensor> grad_out_;
  std::int64_t peak_bytes_ = 0;
  std::int64_t repeats_ = 1;
  std::vector<double> time_ns_;
};

Json interval(const std::vector<double>& values) {
  const MedianEstimate m = estimate_median(values);
  return {{"median", m.median}, {"low", m.low.value_or(m.median)}, {"high", m.high.value_or(m.median)}};
}

/// a over b, sample by sample.
std::vector<double> ratios(const std::vector<double>& a, const std::vector<double>& b, double factor = 1.0) {
  std::vector<double> result;
  for (std::size_t i = 0; i < a.size(); ++i) result.push_back(factor * a[i] / b[i]);
  return result;
}

/// The slowest rank's forward pass as it is rehearsed on one GPU, the median of a few runs.
double rehearsed_ns(RingAttention& ring, int ranks, const InputSource& inputs) {
  double slowest = 0.0;
  for (int rank = 0; rank < ranks; ++rank) {
    Rehearsal rehearsal(ring, rank, ranks, inputs, at::kBFloat16, {});
    rehearsal.prepare(std::int64_t{40} << 30);
    for (int i = 0; i < 3; ++i) (void)rehearsal.time();
    const std::int64_t once = std::max<std::int64_t>(1, rehearsal.time(4).time_ns);
    std::vector<double> times;
    for (int i = 0; i < 5; ++i)
      times.push_back(static_cast<double>(rehearsal.time(std::clamp<std::int64_t>(kSampleNs / once, 3, 64)).time_ns));
    slowest = std::max(slowest, estimate_median(times).median);
  }
  return slowest;
}

}  // namespace

Json time_real_ring(const RealCell& cell, std::int64_t samples) {
  const std::int64_t n = cell.rows * cell.ranks;
  const Pass pass = cell.has_backward ? Pass::both : Pass::forward;
  const DrawnInputs inputs(n, kHeads, kDim, cell.has_backward);
  RingAttention ring(dense(), n, kHeads, cell.is_causal, cell.ranks);
  WholeCall whole(ring.function());
  GatheredAttention gathered(ring.function());
  std::vector<std::unique_ptr<Contender>> timed;
  timed.push_back(std::make_unique<Contender>(whole, 1, pass, inputs));
  timed.push_back(std::make_unique<Contender>(ring, cell.ranks, pass, inputs));
  if (!cell.has_backward) timed.push_back(std::make_unique<Contender>(gathered, cell.ranks, pass, inputs));
  for (std::int64_t sample = 0; sample < samples; ++sample)
    for (const int i : pair_order(static_cast<int>(timed.size()), sample)) timed[static_cast<std::size_t>(i)]->sample();

  Json result{{"tokens_a_rank", cell.rows},
              {"ranks", cell.ranks},
              {"gpus", std::min<std::size_t>(kernels::cuda_devices().size(), static_cast<std::size_t>(cell.ranks))},
              {"causal", cell.is_causal},
              {"pass", cell.has_backward ? "forward and backward" : "forward"},
              {"transport", "ce"},
              {"one_gpu_ns", interval(timed[0]->time_ns())},
              {"ring_ns", interval(timed[1]->time_ns())},
              {"retained", interval(ratios(timed[0]->time_ns(), timed[1]->time_ns(), 1.0 / cell.ranks))},
              {"peak_bytes_max", timed[1]->peak_bytes()},
              {"one_gpu_peak_bytes", timed[0]->peak_bytes()}};
  if (cell.has_backward) return result;
  result["all_gather_ns"] = interval(timed[2]->time_ns());
  result["all_gather_over_ring"] = interval(ratios(timed[2]->time_ns(), timed[1]->time_ns()));
  result["all_gather_peak_bytes"] = timed[2]->peak_bytes();
  timed.clear();
  result["rehearsed_ns"] = rehearsed_ns(ring, cell.ranks, inputs);
  result["rehearsed_over_measured"] = result["rehearsed_ns"].get<double>() / result["ring_ns"]["median"].get<double>();
  return result;
}

}  // namespace ringattn
