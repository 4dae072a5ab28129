#pragma once

#include "attention/interface.h"
#include "pattern/head_groups.h"
#include "pattern/rows.h"

#include <ATen/core/Tensor.h>

namespace ringattn {

/// The running result of a rank's rows while tiles arrive: out (batch, rows, heads, dim) and lse (batch, rows, heads),
/// fp32 for inputs up to fp32 and fp64 for fp64, on the inputs' device. lse starts at -inf; out starts uninitialised
/// and is never read before a tile wrote it.
class RunningState {
 public:
  RunningState(std::int64_t batch, std::int64_t rows, std::int64_t heads, std::int64_t dim, at::ScalarType input_dtype,
               at::Device device = at::kCPU);
  /// A state that lies in these tensors.
  RunningState(at::Tensor out, at::Tensor lse);

  /// Merges a tile's partial, out (batches, heads, rows, dim) and lse (batches, heads, rows), into the state. With one
  /// segment, batches are the state's batch indices; with several, they are the segments of batch index `batch_index`.
  void merge(const Partial& partial, HeadRange heads, const Rows& rows, std::int64_t batch_index);
  /// The same for rows that are no progression: row i of the partial is row rows[i] of the state; on its device.
  void merge(const Partial& partial, HeadRange heads, const std::int64_t* rows);

  /// (batch, rows, heads, dim) and (batch, rows, heads); out is undefined in rows whose lse is -inf.
  const at::Tensor& out() const { return out_; }
  const at::Tensor& lse() const { return lse_; }

  /// out · scale in `dtype`, rows without key 0, lse as (batch, heads, rows). Leaves the state empty-handed: its memory
  /// is the result's where the types agree, and freed otherwise.
  Partial finish(at::ScalarType dtype, double scale);

 private:
  at::Tensor out_;
  at::Tensor lse_;
};

/// fp32 for inputs up to fp32, fp64 for fp64.
at::ScalarType state_dtype(at::ScalarType input_dtype);

}  // namespace ringattn
