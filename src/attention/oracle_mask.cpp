#include "attention/oracle_mask.h"

#include "config/error.h"

#include <ATen/ATen.h>

#include <limits>
#include <sstream>
#include <string>

namespace ringattn::oracle {
namespace {

std::string shape_text(const at::Tensor& tensor) {
  std::ostringstream text;
  text << tensor.sizes();
  return text.str();
}

bool is_size_or_one(std::int64_t seen, std::int64_t wanted) { return seen == 1 || seen == wanted; }

bool fits(const AttentionFunction& function, const at::Tensor& mask, std::int64_t batch, std::int64_t rows) {
  if (function.mask.kind == MaskKind::keys)
    return mask.dim() == 2 && is_size_or_one(mask.size(0), batch) && mask.size(1) == function.seq_len;
  const std::int64_t matrices = function.mask.is_per_head ? function.heads : 1;
  return mask.dim() == 4 && is_size_or_one(mask.size(0), batch) && mask.size(1) == matrices && mask.size(2) == rows &&
         mask.size(3) == function.seq_len;
}

std::string wanted_shape(const AttentionFunction& function, std::int64_t batch, std::int64_t rows) {
  const std::string b = std::to_string(batch), n = std::to_string(function.seq_len);
  if (function.mask.kind == MaskKind::keys) return "(" + b + " or 1, " + n + ")";
  const std::int64_t matrices = function.mask.is_per_head ? function.heads : 1;
  return "(" + b + " or 1, " + std::to_string(matrices) + ", " + std::to_string(rows) + ", " + n + ")";
}

}  // namespace

void check_mask(const AttentionFunction& function, const at::Tensor& mask, std::int64_t batch, std::int64_t rows) {
  if (function.mask.kind == MaskKind::none) {
    if (mask.defined()) throw UsageError("mask: one is given, but the function has none");
    return;
  }
  if (!mask.defined()) throw UsageError("mask: the function has one, but none is given");
  if (!fits(function, mask, batch, rows)) {
    throw UsageError("mask: shape " + shape_text(mask) + ", must be " + wanted_shape(function, batch, rows));
  }
  const bool right =
      function.mask.is_additive ? at::isFloatingType(mask.scalar_type()) : mask.scalar_type() == at::kBool;
  if (!right) {
    throw UsageError(std::string("mask: dtype ") + at::toString(mask.scalar_type()) + ", must be " +
                     (function.mask.is_additive ? "a floating one: it is additive" : "bool: it is not additive"));
  }
}

at::Tensor mask_bias(const AttentionFunction& function, const at::Tensor& mask, const ScoreBlock& block) {
  if (function.mask.kind == MaskKind::none) return {};
  at::Tensor part = mask.narrow(-1, block.key, block.keys);
  if (function.mask.kind == MaskKind::keys) {
    part = part.unsqueeze(1).unsqueeze(1);
  } else {
    part = part.narrow(2, block.row, block.rows);
    if (function.mask.is_per_head) part = part.index_select(1, at::tensor(block.heads, at::kLong).to(mask.device()));
  }
  if (function.mask.is_additive) return part.to(at::kDouble);
  return at::zeros(part.sizes(), part.options().dtype(at::kDouble))
      .masked_fill_(part.logical_not(), -std::numeric_limits<double>::infinity());
}

}  // namespace ringattn::oracle
