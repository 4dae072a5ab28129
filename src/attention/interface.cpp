#include "attention/interface.h"

#include "config/error.h"

#include <ATen/ATen.h>

#include <sstream>
#include <string>

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

void check_inputs(const std::string& who, const RankInputs& inputs, std::int64_t heads, std::int64_t query_rows,
                  std::int64_t key_rows) {
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
  check_shape(who, "query", query, {batch, query_rows, heads, dim});
  check_shape(who, "key", inputs.key, {batch, key_rows, heads, dim});
  check_shape(who, "value", inputs.value, {batch, key_rows, heads, dim});
}

void check_result(const std::string& who, const Partial& result, const at::Tensor& query) {
  if (!result.out.defined()) throw RuntimeFailure(who + "the implementation returned no out");
  check_shape(who, "out", result.out, query.sizes());
  if (result.lse.defined()) check_shape(who, "lse", result.lse, {query.size(0), query.size(2), query.size(1)});
}

}  // namespace

Partial Attention::forward(Communicator& communicator, const RankInputs& inputs) {
  const int rank = communicator.rank(), world_size = communicator.world_size();
  const std::string who = "rank " + std::to_string(rank) + ": ";
  check_inputs(who, inputs, function_.heads, count(query_positions(rank, world_size)),
               count(key_positions(rank, world_size)));
  Partial result = do_forward(communicator, inputs);
  check_result(who, result, inputs.query);
  return result;
}

}  // namespace ringattn
