#include "attention/interface.h"

#include "config/error.h"

#include <ATen/ATen.h>

#include <sstream>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace ringattn {
namespace {

std::string text(at::IntArrayRef shape) {
  std::ostringstream out;
  out << '(';
  for (std::size_t i = 0; i < shape.size(); ++i) out << (i == 0 ? "" : ", ") << shape[i];
  out << ')';
  return out.str();
}

void check_shape(const std::string& who, const char* name, const at::Tensor& tensor, at::IntArrayRef wanted) {
  if (tensor.sizes() == wanted) return;
  throw RuntimeFailure(who + name + " has shape " + text(tensor.sizes()) + ", needs " + text(wanted));
}

void check_kind(const std::string& who, const char* name, const at::Tensor& tensor, const at::Tensor& query) {
  if (tensor.scalar_type() != query.scalar_type()) {
    throw RuntimeFailure(who + name + " has dtype " + at::toString(tensor.scalar_type()) + ", query has " +
                         at::toString(query.scalar_type()));
  }
  if (tensor.device() != query.device()) {
    throw RuntimeFailure(who + name + " is on " + tensor.device().str() + ", query on " + query.device().str());
  }
}

/// The rows that a rank must be given.
struct WantedRows {
  std::int64_t query = 0;
  std::int64_t key = 0;
};

void check_tensors(const std::string& who, const RankInputs& inputs, const AttentionFunction& function,
                   const WantedRows& rows) {
  const at::Tensor& query = inputs.query;
  for (const auto& [name, tensor] :
       {std::pair{"query", &inputs.query}, {"key", &inputs.key}, {"value", &inputs.value}}) {
    if (!tensor->defined()) throw RuntimeFailure(who + name + " is missing");
    if (tensor->dim() != 4) {
      throw RuntimeFailure(who + name + " has shape " + text(tensor->sizes()) + ", needs (batch, rows, heads, dim)");
    }
    if (!at::isFloatingType(tensor->scalar_type())) {
      throw RuntimeFailure(who + name + " has dtype " + at::toString(tensor->scalar_type()) + ", needs a floating one");
    }
    check_kind(who, name, *tensor, query);
  }
  const std::int64_t batch = query.size(0), dim = query.size(3);
  check_shape(who, "query", query, {batch, rows.query, function.heads, dim});
  check_shape(who, "key", inputs.key, {batch, rows.key, function.key_heads(), dim});
  check_shape(who, "value", inputs.value, {batch, rows.key, function.key_heads(), dim});
}

/// The mask's shape for a whole batch: (batch, key rows) or (batch, 1 or heads, query rows, n).
std::vector<std::int64_t> mask_sizes(const AttentionFunction& function, std::int64_t batch, const WantedRows& rows) {
  if (function.mask.kind == MaskKind::keys) return {batch, rows.key};
  return {batch, function.mask.is_per_head ? function.heads : 1, rows.query, function.seq_len};
}

void check_mask(const std::string& who, const RankInputs& inputs, const AttentionFunction& function,
                const WantedRows& rows) {
  const at::Tensor& mask = inputs.mask;
  if (function.mask.kind == MaskKind::none) {
    if (!mask.defined()) return;
    throw RuntimeFailure(who + "mask has shape " + text(mask.sizes()) + ", but the function has no mask");
  }
  std::vector<std::int64_t> wanted = mask_sizes(function, inputs.query.size(0), rows);
  if (!mask.defined()) throw RuntimeFailure(who + "mask is missing, needs " + text(wanted));
  std::vector<std::int64_t> for_all = wanted;
  for_all[0] = 1;
  if (mask.sizes() != at::IntArrayRef(wanted) && mask.sizes() != at::IntArrayRef(for_all)) {
    throw RuntimeFailure(who + "mask has shape " + text(mask.sizes()) + ", needs " + text(wanted) +
                         (wanted == for_all ? "" : " or " + text(for_all)));
  }
  const bool is_right_dtype =
      function.mask.is_additive ? at::isFloatingType(mask.scalar_type()) : mask.scalar_type() == at::kBool;
  if (!is_right_dtype) {
    throw RuntimeFailure(who + "mask has dtype " + at::toString(mask.scalar_type()) + ", needs " +
                         (function.mask.is_additive ? "a floating one, as it is additive" : "Bool"));
  }
  if (mask.device() != inputs.query.device()) {
    throw RuntimeFailure(who + "mask is on " + mask.device().str() + ", query on " + inputs.query.device().str());
  }
}

void check_result(const std::string& who, const Partial& result, const at::Tensor& query) {
  if (!result.out.defined()) throw RuntimeFailure(who + "the implementation returned no out");
  check_shape(who, "out", result.out, query.sizes());
  if (result.lse.defined()) check_shape(who, "lse", result.lse, {query.size(0), query.size(2), query.size(1)});
}

void check_gradients(const std::string& who, const Gradients& gradients, const RankInputs& inputs) {
  for (const auto& [name, gradient, input] : {std::tuple{"dq", &gradients.query, &inputs.query},
                                              {"dk", &gradients.key, &inputs.key},
                                              {"dv", &gradients.value, &inputs.value}}) {
    if (!gradient->defined()) throw RuntimeFailure(who + "the implementation returned no " + name);
    check_shape(who, name, *gradient, input->sizes());
    check_kind(who, name, *gradient, inputs.query);
  }
}

}  // namespace

Partial Attention::forward(Communicator& communicator, const RankInputs& inputs) {
  const int rank = communicator.rank(), world_size = communicator.world_size();
  const std::string who = "rank " + std::to_string(rank) + ": ";
  const WantedRows rows{count(query_positions(rank, world_size)), count(key_positions(rank, world_size))};
  check_tensors(who, inputs, function_, rows);
  check_mask(who, inputs, function_, rows);
  Partial result = do_forward(communicator, inputs);
  check_result(who, result, inputs.query);
  return result;
}

Gradients Attention::backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                              const at::Tensor& grad_out) {
  const int rank = communicator.rank(), world_size = communicator.world_size();
  const std::string who = "rank " + std::to_string(rank) + ": ";
  const std::string why_not = why_no_backward();
  if (!why_not.empty()) throw Unavailable(who + why_not);
  const WantedRows rows{count(query_positions(rank, world_size)), count(key_positions(rank, world_size))};
  check_tensors(who, inputs, function_, rows);
  check_mask(who, inputs, function_, rows);
  check_result(who, result, inputs.query);
  if (!grad_out.defined()) throw RuntimeFailure(who + "grad_out is missing");
  check_shape(who, "grad_out", grad_out, inputs.query.sizes());
  check_kind(who, "grad_out", grad_out, inputs.query);
  Gradients gradients = do_backward(communicator, inputs, result, grad_out);
  check_gradients(who, gradients, inputs);
  return gradients;
}

Gradients Attention::do_backward(Communicator&, const RankInputs&, const Partial&, const at::Tensor&) {
  throw Unavailable(why_no_backward());
}

}  // namespace ringattn
