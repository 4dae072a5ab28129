#include "compare/verdict.h"

namespace ringattn {

std::string_view to_string(Tier tier) {
  switch (tier) {
    case Tier::logic: return "logic";
    case Tier::fp64: return "fp64";
    case Tier::precision: return "precision";
    case Tier::tolerance: return "tolerance";
  }
  return "logic";
}

const TensorVerdict* most_telling(const NumericVerdict& verdict) {
  const TensorVerdict* telling = nullptr;
  const auto nearness = [](const TensorVerdict& tensor) { return tensor.worst_block.ratio / tensor.worst_block.allowed; };
  for (const TensorVerdict& tensor : verdict.tensors) {
    if (!tensor.passed) return &tensor;
    if (telling == nullptr || nearness(tensor) > nearness(*telling)) telling = &tensor;
  }
  return telling;
}

}  // namespace ringattn
