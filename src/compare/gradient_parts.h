#pragma once

#include "attention/inputs.h"
#include "attention/oracle_gradient.h"
#include "compare/bound.h"

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace ringattn {

/// The oracle's derivatives cut into what the queries of each rank and the keys of each rank have to do with each
/// other: dq, dk and dv are sums over (query, key) pairs, so what a rank has come to is a sum of such parts.
class GradientParts {
 public:
  /// `positions`: of each rank's rows, ascending. Inputs are those of `dtype`; `inputs` must outlive the object.
  GradientParts(AttentionFunction function, const InputSource& inputs, at::ScalarType dtype,
                std::vector<std::vector<std::int64_t>> positions);

  /// query: of the rank's rows, key and value: of the source's. Made when first asked for. Cost: an oracle of the
  /// rank's rows.
  const OracleGradient& of(int rank, int source);
  /// Of all inputs.
  const InputMagnitude& magnitude() const { return magnitude_; }

 private:
  OracleGradient make(const std::vector<std::int64_t>& rows, const std::vector<std::int64_t>& keys) const;
  OracleGradient none(std::int64_t keys) const;

  AttentionFunction function_;
  std::vector<std::vector<std::int64_t>> positions_;
  at::Tensor query_, key_, value_, grad_out_, mask_;  ///< of all rows
  InputMagnitude magnitude_;
  std::map<std::pair<int, int>, OracleGradient> parts_;
};

}  // namespace ringattn
