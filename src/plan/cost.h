#pragma once

#include "plan/plan.h"

#include <cstdint>

namespace ringattn {

/// What turns a plan's rows into bytes and operations.
struct CostShape {
  std::int64_t batch = 1;
  std::int64_t head_dim = 64;
  std::int64_t element_bytes = 4;   ///< of query, key, value
  std::int64_t state_bytes = 4;     ///< of one running-state element: 4, or 8 for fp64 inputs
  std::int64_t gradient_bytes = 0;  ///< of one element of travelling derivatives; 0: as the state's
  std::int64_t mask_batch = 0;      ///< batch indices of a mask of keys, which travels with them; 0: there is none
  std::int64_t mask_bytes = 1;      ///< of one of its elements
};

/// The price of one rank's plan: exact, and checked against what the run really spends.
struct Cost {
  std::int64_t attended_pairs = 0;  ///< (head, query, key) triples of this rank, for one batch index
  std::int64_t flops = 0;  ///< 4 · batch · head_dim · attended_pairs: two products, a multiply and an add each
  std::int64_t received_rows = 0;  ///< a row is one head's position; its K and V count once
  std::int64_t sent_rows = 0;
  /// 2 · batch · head_dim · element_bytes · received_rows, and mask_batch · mask_bytes a position of a head class.
  std::int64_t received_bytes = 0;
  std::int64_t received_mask_bytes = 0;  ///< what of it is mask
  std::int64_t sent_bytes = 0;
  std::int64_t messages = 0;  ///< sent
  std::int64_t hops = 0;      ///< steps that receive or send
  std::int64_t kernel_tiles = 0;
  /// Running out and lse, batch · rows · heads · (head_dim + 1) · state_bytes; one for each pair under join mean.
  std::int64_t state_bytes = 0;
  std::int64_t buffer_bytes[2] = {0, 0};  ///< receive buffers, each as large as the largest hop that it holds
  std::int64_t result_bytes =
      0;  ///< out in the input's type where that is not the state's; else 0, the state is the result
};

Cost cost_of(const Plan& plan, const CostShape& shape);

/// Bytes that one hop receives into its buffer.
std::int64_t region_bytes(const Step& step, const CostShape& shape);

/// Whether the plan is one tile over all of the rank's rows and heads: then the kernel's own result is the result, and
/// no state is kept.
bool is_single_tile(const Plan& plan);

}  // namespace ringattn
