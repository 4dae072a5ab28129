#include "tests/retention/drawn_inputs.h"

#include "attention/device_stream.h"

#include <ATen/ATen.h>

namespace ringattn {

DrawnInputs::DrawnInputs(std::int64_t seq_len, std::int64_t heads, std::int64_t dim, bool has_grad_out)
    : InputSource({.batch = 1, .seq_len = seq_len, .heads = heads, .head_dim = dim, .kv_heads = heads}, at::kCUDA) {
  const at::Device first(at::kCUDA, 0);
  at::globalContext().lazyInitDevice(at::kCUDA);
  at::manual_seed(1);
  const auto draw = [&] { return at::randn({1, seq_len, heads, dim}, at::TensorOptions(at::kBFloat16).device(first)); };
  query_ = draw(), key_ = draw(), value_ = draw();
  if (has_grad_out) grad_out_ = draw();
  wait_for_device(first);  // others read it on streams of their own
}

const at::Tensor& DrawnInputs::all(InputTensor which) const {
  switch (which) {
    case InputTensor::query:
      return query_;
    case InputTensor::key:
      return key_;
    case InputTensor::value:
      return value_;
    case InputTensor::grad_out:
      break;
  }
  return grad_out_;
}

at::Tensor DrawnInputs::do_rows(InputTensor which, const Positions& positions, at::ScalarType dtype) const {
  const at::Tensor& from = all(which);
  const at::Tensor index = at::tensor(expand(positions), at::kLong).to(from.device());
  return from.index_select(1, index).to(at::TensorOptions(dtype).device(at::kCUDA));
}

at::Tensor DrawnInputs::do_mask(const Positions&) const { return {}; }

}  // namespace ringattn
