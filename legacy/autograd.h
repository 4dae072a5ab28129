#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

// Old implementations are differentiated as they were in Python: their own tensor operations, run under LibTorch's
// autograd, which keeps what each of them needs. What goes through a communicator is no tensor operation, so a rank
// that received rows has constants in its hands.

namespace ringattn::legacy {

/// Whether autograd keeps account of what is done to the tensor.
bool is_recorded(const at::Tensor& tensor);

/// The tensor with `value` where `mask` is true: in place, as the classes did it, unless autograd may need the numbers
/// that would be lost.
at::Tensor filled(const at::Tensor& tensor, const at::Tensor& mask, double value);

/// The same numbers as a leaf of a new graph, which shares their memory.
at::Tensor leaf(const at::Tensor& tensor);

/// Rows that were received into a copy of `held`, as autograd saw them: the numbers are those that arrived, the
/// gradient goes to `held`, as nobody told it that they were overwritten. `received` itself where nothing is recorded.
at::Tensor received_into_copy(const at::Tensor& held, const at::Tensor& received);

/// The derivatives of Σ out · grad_out after each leaf of the graph that ends in `out`; zeros where no path leads to
/// a leaf (Python says None). Frees the graph. Runs on the calling thread where all tensors are on the CPU.
std::vector<at::Tensor> derivatives(const at::Tensor& out, const std::vector<at::Tensor>& leaves,
                                    const at::Tensor& grad_out);

}  // namespace ringattn::legacy
