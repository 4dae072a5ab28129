#include "compare/user_gradients.h"

#include "attention/safetensors.h"
#include "config/error.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <set>

namespace ringattn {
namespace {

std::string name_of(const std::string& name, int rank) {
  return rank < 0 ? name : fmt::format("{}.rank{}", name, rank);
}

void check_finite(const std::string& name, const at::Tensor& tensor) {
  const std::int64_t others = at::isfinite(tensor).logical_not().sum().item<std::int64_t>();
  if (others == 0) return;
  throw UsageError(fmt::format("{}: {} of {} numbers are NaN or infinite; gradients are judged where all are finite",
                               name, others, tensor.numel()));
}

/// All but the rows as in the query, and no more rows.
void check_shape(const std::string& name, const at::Tensor& tensor, const at::Tensor& query) {
  const bool fits = tensor.dim() == 4 && tensor.size(0) == query.size(0) && tensor.size(1) <= query.size(1) &&
                    tensor.sizes().slice(2) == query.sizes().slice(2);
  if (fits) return;
  throw UsageError(fmt::format("{}: must have the query's shape {}, got {}", name, shape_text(query.sizes().vec()),
                               shape_text(tensor.sizes().vec())));
}

/// One after the other, rank by rank.
at::Tensor laid_out(const std::string& name, const std::map<int, at::Tensor>& ranks, const at::Tensor& query) {
  std::vector<at::Tensor> rows;
  for (const auto& [rank, tensor] : ranks) rows.push_back(tensor);
  const at::Tensor whole = at::cat(rows, 1);
  if (whole.size(1) == query.size(1)) return whole;
  throw UsageError(
      fmt::format("{}.rank0 …: the ranks' rows are {} together, the query has {}", name, whole.size(1), query.size(1)));
}

at::Tensor added_up(const std::map<int, at::Tensor>& ranks) {
  at::Tensor sum = at::zeros_like(ranks.begin()->second);
  for (const auto& [rank, tensor] : ranks) sum.add_(tensor);
  return sum;
}

}  // namespace

bool GradientReader::place(const std::string& name, int rank, const at::Tensor& tensor) {
  static const std::set<std::string> known{"grad_out", "dout", "dq", "dk", "dv"};
  if (known.count(name) == 0) return false;
  names_.push_back(name_of(name, rank));
  tensors_[name][rank] = tensor;
  if (name != "grad_out" && name != "dout") dtype_ = tensor.scalar_type();
  return true;
}

at::Tensor GradientReader::whole(const std::string& name, const at::Tensor& query) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return {};
  std::map<int, at::Tensor> parts;
  for (const auto& [rank, tensor] : found->second) {
    check_shape(name_of(name, rank), tensor, query);
    parts[rank] = tensor.to(at::kFloat);
    check_finite(name_of(name, rank), parts[rank]);
  }
  const bool is_whole = parts.count(-1) > 0;
  if (is_whole && parts.size() > 1) throw UsageError(name + ": is there whole and by rank; give one");
  const int last = parts.rbegin()->first;
  for (int rank = 0; rank < last; ++rank) {
    if (parts.count(rank) == 0)
      throw UsageError(fmt::format("{}: is missing, though there is {}", name_of(name, rank), name_of(name, last)));
  }
  const std::int64_t rows = parts.begin()->second.size(1);
  if (is_whole && rows != query.size(1))
    throw UsageError(fmt::format("{}: must have all {} rows of the query, got {}", name, query.size(1), rows));
  return rows == query.size(1) ? added_up(parts) : laid_out(name, parts, query);
}

UserGradients GradientReader::read(const at::Tensor& query) const {
  const bool is_short = tensors_.count("dout") > 0;
  if (is_short && tensors_.count("grad_out") > 0)
    throw UsageError("grad_out and dout are two names of one tensor; give one");
  UserGradients gradients{whole(is_short ? "dout" : "grad_out", query), whole("dq", query), whole("dk", query),
                          whole("dv", query), dtype_};
  if (gradients.are_there() && !gradients.grad_out.defined())
    throw UsageError(
        names_.front() +
        ": there is no tensor \"grad_out\", the derivative of the loss after out, which gradients come of");
  return gradients;
}

}  // namespace ringattn
