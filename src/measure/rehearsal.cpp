#include "measure/rehearsal.h"

#include "attention/device_stream.h"
#include "attention/stream_mover.h"
#include "config/error.h"
#include "measure/clock.h"
#include "measure/memory_meter.h"
#include "measure/runner.h"

#include <ATen/core/Tensor.h>

#include <utility>

namespace ringattn {

Rehearsal::Rehearsal(RingAttention& attention, int rank, int world_size, const InputSource& inputs,
                     at::ScalarType dtype, RehearsalModel model, Pass pass)
    : attention_(attention),
      rank_(rank),
      world_size_(world_size),
      model_(std::move(model)),
      pass_(pass),
      own_(rank_inputs(attention, rank, world_size, inputs, dtype)),
      grad_out_(rank_grad_out(attention, rank, world_size, inputs, dtype, pass)) {
  auto planned = std::make_shared<PlannedRows>(attention.plan(rank), inputs, dtype);
  planned_ = planned.get();
  peers_ = std::move(planned);
  deliver_on_device();
}

void Rehearsal::deliver_on_device() {
  if (own_.query.is_cpu()) return;
  if (pass_ == Pass::both)
    throw Unavailable("--backward: gradients of a rank on a GPU are not rehearsed; leave it out, or give device cpu");
  if (model_.contention != 1.0)
    throw Unavailable("--contention: kernels on a GPU are not slowed by a model; leave it out with device cuda");
  model_.mover = make_stream_mover(/*has_link=*/true);
}

Rehearsal::Rehearsal(Attention& attention, int rank, int world_size, const InputSource& inputs, at::ScalarType dtype,
                     RehearsalModel model)
    : attention_(attention),
      rank_(rank),
      world_size_(world_size),
      model_(std::move(model)),
      own_(rank_inputs(attention, rank, world_size, inputs, dtype)),
      peers_(std::make_shared<GatheredRows>(attention, rank, world_size, inputs, dtype, own_)) {
  deliver_on_device();
}

void Rehearsal::prepare(std::int64_t bytes_max) {
  if (planned_ != nullptr) (void)planned_->hold(bytes_max);
}

Rehearsal::Metered Rehearsal::meter() {
  if (planned_ != nullptr) planned_->use_stand_ins(false);
  RehearsedCommunicator communicator(rank_, world_size_, peers_, model_);
  Metered run;
  {
    const MemoryMeter meter(own_.query.device());
    run.result = attention_.forward(communicator, own_);
    if (pass_ == Pass::both) run.gradients = attention_.backward(communicator, own_, run.result, grad_out_);
    run.cost = rank_cost(meter.use(), input_bytes(own_, grad_out_));
    if (!own_.query.is_cpu()) run.result = on_cpu(run.result);
  }
  const Traffic traffic = communicator.traffic();
  run.cost.sent_bytes = traffic.sent_bytes(rank_);
  run.cost.received_bytes = traffic.received_bytes(rank_);
  run.cost.messages = traffic.messages(rank_);
  run.positions = attention_.query_positions(rank_, world_size_);
  run.key_positions = attention_.key_positions(rank_, world_size_);
  return run;
}

Rehearsal::Timed Rehearsal::time(std::int64_t repeats) {
  if (planned_ != nullptr) planned_->use_stand_ins(true);
  RehearsedCommunicator communicator(rank_, world_size_, peers_, model_);
  const std::int64_t start_ns = now_ns();
  Partial result;
  Gradients gradients;
  for (std::int64_t i = 0; i < repeats; ++i) {
    result = attention_.forward(communicator, own_);
    if (pass_ == Pass::both) gradients = attention_.backward(communicator, own_, result, grad_out_);
  }
  wait_for_device(own_.query.device());
  const std::int64_t time_ns = now_ns() - start_ns;
  RehearsalClock clock = communicator.clock();
  for (std::int64_t* sum : {&clock.exposed_ns, &clock.contention_ns, &clock.transfer_ns}) *sum /= repeats;
  return {time_ns / repeats, clock};
}

}  // namespace ringattn
