#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace ringattn {

/// What somebody recorded of a training step: the derivatives of a loss, of all ranks' losses together where there were
/// several. fp32 on the CPU, (batch, n, heads, dim) each; undefined: not recorded.
struct UserGradients {
  at::Tensor grad_out{};  ///< after out
  at::Tensor query{}, key{}, value{};
  at::ScalarType dtype = at::kFloat;  ///< of the gradients, as recorded
  bool are_there() const { return query.defined() || key.defined() || value.defined(); }
};

/// Gathers them while a file is read. What several ranks recorded of one thing: rows of the whole sequence are added
/// up, rows of each rank's own are laid one after the other.
class GradientReader {
 public:
  /// Takes "grad_out" (or "dout"), "dq", "dk" or "dv", whole or of one rank (-1: whole); false: no such name.
  bool place(const std::string& name, int rank, const at::Tensor& tensor);
  /// The names that were taken, with their ranks.
  const std::vector<std::string>& names() const { return names_; }
  /// Checked against the query (batch, n, heads, dim). Throws UsageError "TENSOR: …": gradients without grad_out,
  /// another shape, numbers that are not finite, some ranks missing, or given whole and by rank.
  UserGradients read(const at::Tensor& query) const;

 private:
  at::Tensor whole(const std::string& name, const at::Tensor& query) const;

  std::map<std::string, std::map<int, at::Tensor>> tensors_;
  std::vector<std::string> names_;
  at::ScalarType dtype_ = at::kFloat;
};

}  // namespace ringattn
