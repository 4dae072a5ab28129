#pragma once

#include "attention/interface.h"
#include "attention/state_book.h"

#include <ATen/core/Tensor.h>

namespace ringattn {

/// The running result of a rank's rows on a GPU: what RunningState is on the CPU, in as few passes as StateBook finds.
/// The state and the result are allocated when the first row goes there, the first partial is let go when its last row
/// has gone elsewhere.
class DeviceState {
 public:
  /// `query`: (batch, rows, heads, dim); the result has its type and device, and is out · scale.
  DeviceState(const Plan& plan, const at::Tensor& query, double scale);

  /// As RunningState::merge; `tile` counts the plan's tiles through all steps.
  void merge(std::size_t tile, const Partial& partial, HeadRange heads, const Rows& rows, std::int64_t batch_index);
  /// Of rows that are no progression; `index` on the device.
  void merge(std::size_t tile, const Partial& partial, HeadRange heads, const std::int64_t* index);
  Partial finish();

 private:
  void carry_out(const StateBook::Move& move, const Partial* partial);
  at::Tensor& out_at(StateBook::Place place);
  void settle();

  StateBook book_;
  at::TensorOptions options_;
  std::vector<std::int64_t> sizes_;
  double scale_;
  Partial first_;
  at::Tensor lse_;  ///< (batch, rows, heads), of everything but the first partial
  at::Tensor state_;
  at::Tensor result_;
};

}  // namespace ringattn
