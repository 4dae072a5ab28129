#include "measure/scalar_type.h"

namespace ringattn {

at::ScalarType scalar_type(Dtype dtype) {
  switch (dtype) {
    case Dtype::fp32:
      return at::kFloat;
    case Dtype::bf16:
      return at::kBFloat16;
    case Dtype::fp16:
      return at::kHalf;
    case Dtype::fp64:
      return at::kDouble;
  }
  return at::kFloat;
}

}  // namespace ringattn
