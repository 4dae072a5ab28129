#pragma once

#include "attention/compression.h"
#include "attention/gradient_watch.h"
#include "attention/key_value.h"
#include "comm/communicator.h"
#include "plan/backward_cost.h"
#include "plan/returns.h"

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <vector>

namespace ringattn {

/// The way of the travelling derivatives through one rank: two buffers of sums that steps use in turn, one for what
/// arrives, and the exchanges of the returns, in order of their hops, one at a time. What arrives is added after the
/// tiles of the step that it belongs to, so that it travels while they run.
class GradientReturns {
 public:
  /// `own`: the sums of the rank's own rows. `compression`: ExecutorOptions. `watch`: told of what comes home; null:
  /// nobody. All must outlive the object.
  GradientReturns(const Plan& plan, const std::vector<Return>& returns, const CostShape& shape, at::ScalarType type,
                  const KeyValue& own, Communicator& communicator, CompressionError* compression, GradientWatch* watch);

  /// Begins step `index`: its regions' sums, all 0.
  const std::vector<KeyValue>& begin(const Step& step, std::size_t index);
  /// After its tiles: adds what has come for it.
  void take_arrived() { settle(); }
  /// Then sends on and home, and takes what comes home of hops before the next step's, as no rank may wait for keys of
  /// a hop while derivatives of an earlier one wait for it.
  void pass_on(const Step& step, std::size_t index);
  /// After the last step: takes what is still to come home.
  void finish();

  /// The hop under which the exchange of a return is counted: those of K and V come before.
  static int counted_hop(const Plan& plan, const Return& exchange) { return plan.layout.world_size + exchange.hop; }

 private:
  /// Rows that arrive, packed, and where they belong.
  struct Arrival {
    TransferPart part;
    KeyValue rows;
  };
  void post_before(int hop);
  void post(const std::vector<KeyValue>& sums);
  void settle();
  std::vector<Message> expect(const Return& exchange);
  std::vector<Message> packed(const std::vector<Transfer>& transfers, const std::vector<KeyValue>& sums);
  at::Tensor rounded(const at::Tensor& sum, std::int64_t head, const TransferPart& part);
  void free_sent(int buffer);

  const Plan& plan_;
  const std::vector<Return>& returns_;
  CostShape shape_;
  at::ScalarType type_;
  at::ScalarType wire_;  ///< in which they travel
  CompressionError* compression_;
  GradientWatch* watch_;
  const KeyValue& own_;
  Communicator& communicator_;
  at::Tensor buffers_[2];
  at::Tensor incoming_;
  std::vector<KeyValue> sums_;  ///< of the step that runs
  std::vector<Arrival> arrivals_;
  Ticket pending_;                     ///< of the return whose arrivals are not added yet
  int pending_hop_ = 0;                ///< its hop
  Ticket sent_from_[2];                ///< the last exchange that reads each buffer
  std::vector<KeyValue> outgoing_[2];  ///< what it sends, where that is packed
  int buffer_ = 0;                     ///< of the step that runs
  std::size_t next_ = 0;               ///< the return to be posted next
};

}  // namespace ringattn
