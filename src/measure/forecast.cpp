#include "measure/forecast.h"

#include <algorithm>
#include <map>
#include <utility>

namespace ringattn {
namespace {

double transfer_bytes(const Transfer& transfer, const CostShape& shape) {
  const std::int64_t row = 2 * shape.batch * shape.head_dim * shape.element_bytes;
  return static_cast<double>(row * transfer.rows() + shape.mask_batch * shape.mask_bytes * transfer.positions());
}

/// Goes through the steps with a clock.
class Walk {
 public:
  Walk(const Plan& plan, const CostShape& shape, const ForecastMachine& machine)
      : plan_(plan), shape_(shape), machine_(machine), is_single_(is_single_tile(plan)) {}

  RankForecast run() {
    for (std::size_t i = 0; i < plan_.steps.size(); ++i) {
      const Step* next = i + 1 < plan_.steps.size() ? &plan_.steps[i + 1] : nullptr;
      const double posted = now_;
      const double tiles = tile_seconds(plan_.steps[i]);
      if (next == nullptr)
        compute(tiles);
      else if (!machine_.copies_by_itself)
        compute(tiles + copy_seconds(*next));
      else if (machine_.posts_early)
        overlap(tiles, arrival(*next, posted) - posted);
      else
        wait_after(tiles, *next);
    }
    compute(finish_seconds());
    result_.total = now_;
    return result_;
  }

 private:
  void compute(double seconds) {
    now_ += seconds;
    result_.work += seconds;
  }

  void wait(double seconds) {
    now_ += seconds;
    result_.exposed += seconds;
  }

  /// Tiles run `contention` times slower until the hop has arrived.
  void overlap(double tiles, double transfer) {
    const double slowed = std::min(tiles * machine_.contention, transfer);
    const double stretched = tiles + slowed * (1.0 - 1.0 / machine_.contention);
    compute(stretched);
    wait(std::max(0.0, transfer - stretched));
  }

  void wait_after(double tiles, const Step& next) {
    compute(tiles);
    wait(arrival(next, now_) - now_);
  }

  double tile_seconds(const Step& step) const {
    double seconds = 0.0;
    for (const PlanTile& tile : step.tiles) {
      seconds += kernel_seconds(tile, shape_, machine_.rates);
      if (!is_single_) seconds += merge_bytes(tile, shape_) / machine_.rates.merge_bytes_per_s;
    }
    return seconds;
  }

  /// When the last row of a hop that is posted at `posted` is here.
  double arrival(const Step& step, double posted) {
    double last = posted;
    for (const Transfer& transfer : step.receives) {
      const Wire wire = machine_.wire(transfer.peer, plan_.rank);
      double& busy_until = wires_[{wire.bytes_per_s, wire.latency_s}];
      busy_until = std::max(busy_until, posted) + transfer_bytes(transfer, shape_) / wire.bytes_per_s;
      last = std::max(last, busy_until + wire.latency_s);
    }
    return last;
  }

  double copy_seconds(const Step& step) const {
    double seconds = 0.0;
    for (const Transfer& transfer : step.receives) {
      const Wire wire = machine_.wire(transfer.peer, plan_.rank);
      seconds += wire.latency_s + transfer_bytes(transfer, shape_) / wire.bytes_per_s;
    }
    return seconds;
  }

  /// The state is read and the result written.
  double finish_seconds() const {
    if (is_single_) return 0.0;
    const std::int64_t elements = shape_.batch * plan_.rows * plan_.pattern.function.heads * shape_.head_dim;
    return static_cast<double>(plan_.pattern.states * elements * (shape_.state_bytes + shape_.element_bytes)) /
           machine_.rates.merge_bytes_per_s;
  }

  const Plan& plan_;
  const CostShape& shape_;
  const ForecastMachine& machine_;
  const bool is_single_;
  double now_ = 0.0;
  std::map<std::pair<double, double>, double> wires_;  ///< of each kind, busy until
  RankForecast result_;
};

}  // namespace

RankForecast forecast(const Plan& plan, const CostShape& shape, const ForecastMachine& machine) {
  return Walk(plan, shape, machine).run();
}

double world_seconds(std::span<const RankForecast> ranks, double cores) {
  double slowest = 0.0;
  double work = 0.0;
  for (const RankForecast& rank : ranks) {
    slowest = std::max(slowest, rank.total);
    work += rank.work;
  }
  return std::max(slowest, work / cores);
}

}  // namespace ringattn
