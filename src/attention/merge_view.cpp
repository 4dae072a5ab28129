#include "attention/merge_view.h"

namespace ringattn {

kernels::Element element_of(const at::Tensor& tensor) {
  switch (tensor.scalar_type()) {
    case at::kDouble:
      return kernels::Element::f64;
    case at::kBFloat16:
      return kernels::Element::bf16;
    case at::kHalf:
      return kernels::Element::f16;
    default:
      return kernels::Element::f32;
  }
}

kernels::MergeView merge_view(const at::Tensor& out, const at::Tensor& lse) {
  return {.out = out.data_ptr(),
          .lse = lse.data_ptr(),
          .element = element_of(out),
          .out_batch_stride = out.stride(0),
          .out_row_stride = out.stride(1),
          .out_head_stride = out.stride(2),
          .lse_batch_stride = lse.stride(0),
          .lse_row_stride = lse.stride(1),
          .lse_head_stride = lse.stride(2)};
}

}  // namespace ringattn
