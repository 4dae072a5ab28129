#pragma once

#include "attention/block_backend.h"
#include "attention/device_state.h"
#include "attention/executor.h"
#include "attention/running_state.h"
#include "attention/tile_call.h"
#include "attention/tile_reader.h"
#include "plan/plan.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace ringattn {

/// One rank's forward call in pieces: begin, then each step of the plan in its order, with the regions that its hop
/// brought, then the result. `execute` (executor.h) is the whole of it. Everything given must outlive it.
class Execution {
 public:
  Execution(const Plan& plan, const RankInputs& inputs, const BlockBackend& backend, const ExecutorOptions& options);

  const KeyValue& own() const { return reader_.own(); }
  CostShape cost_shape() const { return reader_.cost_shape(); }

  /// Takes the running result's memory.
  void begin();
  /// Each call of the step's tiles, its partial merged before the next one.
  void run(const Step& step, const std::vector<KeyValue>& regions);
  /// The same in two halves: all the calls, and then the merge of each, in their order. Where the plan is one of
  /// several calls whose rows are progressions.
  struct CallPartial {
    std::size_t tile = 0;
    TileCall call{};
    Partial partial{};
  };
  std::vector<CallPartial> attend(const Step& step, const std::vector<KeyValue>& regions);
  void merge(const CallPartial& done);
  Partial result();
  /// Under join mean: each pair's own result, not scaled.
  std::vector<Partial> results_of_states();

 private:
  at::ScalarType dtype() const { return reader_.query().scalar_type(); }
  void tell(const Step& step) const;
  using TakePartial = std::function<void(const PlanTile&, const TileCall&, const TileRows&, Partial)>;
  void run_tiles(const Step& step, const std::vector<KeyValue>& regions, const TakePartial& take);
  void merge_tile(const PlanTile& tile, const TileCall& call, const TileRows& rows, const Partial& partial);
  Partial mean_of_states();

  const Plan& plan_;
  TileReader reader_;
  const BlockBackend& backend_;
  const ExecutorOptions& options_;
  std::vector<RunningState> states_;         // one, or one a pair under join mean; none where one call is the result
  std::optional<DeviceState> device_state_;  // in their place on a GPU, where there is one
  std::size_t tiles_begun_ = 0;
  Partial single_result_;
};

}  // namespace ringattn
