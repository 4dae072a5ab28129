#include "attention/device_state.h"

#include "attention/device_stream.h"
#include "attention/merge_view.h"
#include "attention/running_state.h"

#include <ATen/ATen.h>

#include <limits>

namespace ringattn {

using Place = StateBook::Place;

DeviceState::DeviceState(const Plan& plan, const at::Tensor& query, double scale)
    : book_(plan),
      options_(query.options()),
      sizes_(query.sizes().vec()),
      scale_(scale),
      lse_(at::full({sizes_[0], sizes_[1], sizes_[2]}, -std::numeric_limits<double>::infinity(),
                    options_.dtype(state_dtype(query.scalar_type())))) {}

void DeviceState::merge(std::size_t tile, const Partial& partial, HeadRange heads, const Rows& rows,
                        std::int64_t batch_index) {
  const StateBook::Merge merge = book_.merge(tile, heads, rows, false);
  // The partial's row 0 is the state's row rows.first.
  Partial from{partial.out.transpose(1, 2), partial.lse.transpose(1, 2)};
  for (const StateBook::Move& move : merge.moves) {
    if (move.to == Place::first) {
      first_ = from;
      return;
    }
    if (move.is_alone) {
      carry_out(move, nullptr);
      continue;
    }
    const std::int64_t begin = move.rows.begin - rows.first, count = move.rows.size();
    const Partial part{from.out.narrow(1, begin, count), from.lse.narrow(1, begin, count)};
    carry_out(move, &part);
  }
  if (!merge.is_plain) RunningState(out_at(Place::state), lse_).merge(partial, heads, rows, batch_index);
  settle();
}

void DeviceState::merge(std::size_t tile, const Partial& partial, HeadRange heads, const std::int64_t* index) {
  for (const StateBook::Move& move : book_.merge(tile, heads, {}, true).moves) carry_out(move, nullptr);
  RunningState(out_at(Place::state), lse_).merge(partial, heads, index);
  settle();
}

Partial DeviceState::finish() {
  for (const StateBook::Move& move : book_.finish()) carry_out(move, nullptr);
  settle();
  state_ = at::Tensor();
  return {out_at(Place::result), lse_.transpose(1, 2)};
}

/// Joins what `move` takes with the partial's rows, if there is one, into where it goes.
void DeviceState::carry_out(const StateBook::Move& move, const Partial* partial) {
  const std::int64_t begin = move.rows.begin, count = move.rows.size();
  const kernels::MergeShape shape{.batches = sizes_[0], .rows = count, .heads = sizes_[2], .dim = sizes_[3]};
  const auto rows_of = [&](const at::Tensor& tensor) { return tensor.narrow(1, begin, count); };
  const kernels::MergeView to = merge_view(rows_of(out_at(move.to)), rows_of(lse_));
  const double scale = move.to == Place::result ? scale_ : 1.0;
  void* stream = current_stream(lse_.device());
  const kernels::MergeView part = partial != nullptr ? merge_view(partial->out, partial->lse) : kernels::MergeView{};
  switch (move.from) {
    case Place::none:
      if (partial != nullptr)
        kernels::join_rows_cuda(shape, part, {}, to, scale, stream);
      else if (move.to == Place::result)
        rows_of(result_).zero_();
      return;
    case Place::first:
      return kernels::join_rows_cuda(shape, merge_view(rows_of(first_.out), rows_of(first_.lse)), part, to, scale,
                                     stream);
    case Place::state: {
      const kernels::MergeView state = merge_view(rows_of(state_), rows_of(lse_));
      if (move.to == Place::state) return kernels::merge_partial_cuda(shape, state, part, stream);
      return kernels::join_rows_cuda(shape, state, part, to, scale, stream);
    }
    case Place::result:
      return;
  }
}

at::Tensor& DeviceState::out_at(Place place) {
  at::Tensor& tensor = place == Place::result ? result_ : state_;
  if (!tensor.defined())
    tensor = at::empty(sizes_, place == Place::result ? options_ : options_.dtype(lse_.scalar_type()));
  return tensor;
}

void DeviceState::settle() {
  if (!book_.has_first()) first_ = {};
}

}  // namespace ringattn
