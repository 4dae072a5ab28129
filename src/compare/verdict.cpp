#include "compare/verdict.h"

namespace ringattn {

std::string_view to_string(Tier tier) {
  switch (tier) {
    case Tier::logic:
      return "logic";
    case Tier::fp64:
      return "fp64";
    case Tier::precision:
      return "precision";
    case Tier::tolerance:
      return "tolerance";
  }
  return "logic";
}

const TensorVerdict* most_telling(const NumericVerdict& verdict) {
  const TensorVerdict* telling = nullptr;
  const auto nearness = [](const TensorVerdict& tensor) {
    return tensor.worst_block.ratio / tensor.worst_block.allowed;
  };
  for (const TensorVerdict& tensor : verdict.tensors) {
    if (!tensor.passed) return &tensor;
    if (telling == nullptr || nearness(tensor) > nearness(*telling)) telling = &tensor;
  }
  return telling;
}

void number_rows(NumericVerdict& verdict, std::span<const std::int64_t> rows) {
  const auto renumber = [rows](std::int64_t& row) {
    if (row >= 0) row = rows[static_cast<std::size_t>(row)];
  };
  for (TensorVerdict& tensor : verdict.tensors) {
    for (std::int64_t* row : {&tensor.worst_abs.index.row, &tensor.worst_rel.index.row, &tensor.worst_block.first_row,
                              &tensor.worst_block.last_row, &tensor.first_bad_row, &tensor.worst_row})
      renumber(*row);
    for (std::int64_t& row : tensor.error_by_position.first_row) renumber(row);
    if (!tensor.details) continue;
    for (TensorStats* stats : {&tensor.details->got, &tensor.details->want}) {
      renumber(stats->min_index.row);
      renumber(stats->max_index.row);
    }
  }
}

}  // namespace ringattn
