#include "attention/oracle_gradient.h"

#include "attention/attends.h"
#include "attention/departure.h"
#include "attention/oracle_blocks.h"
#include "attention/oracle_mask.h"
#include "attention/oracle_softmax_gradient.h"
#include "config/error.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace ringattn {
namespace {

using oracle::Meeting;
using oracle::RowBlock;
using oracle::Setting;
using oracle::SoftmaxGradient;
using oracle::StrandBlocks;

/// dk, dv and their sensitivities at chosen positions.
class KeyRows {
 public:
  KeyRows(const std::vector<std::int64_t>& positions, oracle::KeyGradients sums)
      : positions_(positions), sums_(std::move(sums)) {}

  bool have_any(std::int64_t first, std::int64_t end) const { return within(first, end).count > 0; }

  /// Adds what some query heads contribute to keys [first, end); `heads` are the key heads that they read.
  void add(const oracle::KeyGradients& part, std::int64_t first, std::int64_t end, const at::Tensor& heads) {
    const Interval rows = within(first, end);
    const auto own = positions_.begin() + rows.begin;
    const at::Tensor chosen =
        oracle::index_tensor(std::vector<std::int64_t>(own, own + rows.count), heads.device()).sub_(first);
    const auto add_to = [&](const at::Tensor& sum, const at::Tensor& added) {
      if (!added.defined()) return;
      sum.narrow(1, rows.begin, rows.count).index_add_(2, heads, added.index_select(2, chosen).transpose(1, 2));
    };
    add_to(sums_.key, part.key);
    add_to(sums_.value, part.value);
    add_to(sums_.key_sensitivity, part.key_sensitivity);
    add_to(sums_.value_sensitivity, part.value_sensitivity);
    add_to(sums_.key_in_type_squared, part.key_in_type_squared);
    add_to(sums_.value_in_type_squared, part.value_in_type_squared);
  }

  const oracle::KeyGradients& sums() const { return sums_; }

 private:
  /// The chosen rows in [first, end).
  struct Interval {
    std::int64_t begin, count;
  };
  Interval within(std::int64_t first, std::int64_t end) const {
    const auto place = [&](std::int64_t position) {
      return std::lower_bound(positions_.begin(), positions_.end(), position) - positions_.begin();
    };
    return {place(first), place(end) - place(first)};
  }

  const std::vector<std::int64_t>& positions_;
  oracle::KeyGradients sums_;
};

/// `name`: the wish's field.
void check_rows(const char* name, const AttentionFunction& function, const std::vector<std::int64_t>& rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool inside = rows[i] >= 0 && rows[i] < function.seq_len;
    if (inside && (i == 0 || rows[i] > rows[i - 1])) continue;
    throw UsageError(std::string(name) + "/" + std::to_string(i) + ": " + std::to_string(rows[i]) + " must be " +
                     (inside ? "more than the row before it, " + std::to_string(rows[i - 1])
                             : "in [0, " + std::to_string(function.seq_len) + ")"));
  }
}

void check_grad_out(const at::Tensor& grad_out, const at::Tensor& query, const AttentionFunction& function) {
  oracle::check_tensor("grad_out", grad_out, query.size(1));
  oracle::check_batch("grad_out", grad_out, query.size(0));
  oracle::check_heads("grad_out", grad_out, function.heads);
}

/// For each block the gradient of its softmax; out is times the strand's scale, and so is its derivative.
std::map<const RowBlock*, SoftmaxGradient> gradients_of(const std::vector<StrandBlocks>& strands,
                                                        const at::Tensor& grad_out) {
  std::map<const RowBlock*, SoftmaxGradient> result;
  for (const StrandBlocks& strand : strands) {
    for (const RowBlock& block : strand.blocks) {
      at::Tensor own = oracle::take_heads(block.of(grad_out, 1), strand.strand.heads, grad_out.size(2));
      result.try_emplace(&block, *block.state, own.mul(strand.strand.scale));
    }
  }
  return result;
}

/// What the blocks say of their queries, each at its rows and its strand's heads: (batch, rows, heads, dim).
template <typename Part>
at::Tensor of_queries(const std::vector<StrandBlocks>& strands, const at::Tensor& query, std::int64_t dim,
                      const Part& part) {
  at::Tensor result = at::zeros({query.size(0), query.size(1), query.size(2), dim}, query.options().dtype(at::kDouble));
  for (const StrandBlocks& strand : strands) {
    const at::Tensor heads = oracle::index_tensor(strand.strand.heads, query.device());
    for (const RowBlock& block : strand.blocks) {
      const at::Tensor own = part(block);
      if (own.defined()) block.of(result, 1).index_add_(2, heads, own.transpose(1, 2));
    }
  }
  return result;
}

/// (…, dim) and one more column behind it.
at::Tensor with_column(const at::Tensor& rows, const at::Tensor& column) {
  return at::cat({rows.to(at::kDouble), column}, -1);
}

/// Values with their norms behind them, for the sensitivity.
KeyValueSource with_norms(const KeyValueSource& keys) {
  return [&keys](std::int64_t first, std::int64_t count) {
    KeyValueRows rows = keys(first, count);
    const at::Tensor norm = at::linalg_vector_norm(rows.value, 2, {{-1}}, true, at::kDouble);
    rows.value = with_column(rows.value, norm.nan_to_num(0.0, 0.0, 0.0));
    return rows;
  };
}

/// Which keys' pairs are added up.
class SummedKeys {
 public:
  SummedKeys(const GradientWish& wish, std::int64_t seq_len, at::Device device) {
    if (!wish.summed_keys) return;
    is_summed_ = at::zeros({seq_len}, at::TensorOptions().dtype(at::kDouble).device(device));
    if (!wish.summed_keys->empty()) is_summed_.index_fill_(0, oracle::index_tensor(*wish.summed_keys, device), 1.0);
  }

  /// These keys, from `first` on, where no row counts one that is not summed; nothing where none is.
  std::optional<oracle::KeyBlock> among(const oracle::KeyBlock& keys, std::int64_t first) const {
    if (!is_summed_.defined()) return keys;
    const at::Tensor here = is_summed_.narrow(0, first, keys.key.size(2));
    if (!here.any().item<bool>()) return std::nullopt;
    oracle::KeyBlock counted = keys;
    counted.weight = keys.weight * here;
    return counted;
  }

 private:
  at::Tensor is_summed_;  ///< fp64 (n): 1 or 0; undefined: all are
};

/// First all keys, for the softmaxes; then all keys again, for what each has to do with the loss.
OracleGradient evaluate(const Setting& setting, const at::Tensor& query, const KeyValueSource& keys,
                        const at::Tensor& grad_out, const GradientWish& wish) {
  const AttentionFunction& function = setting.function;
  const std::int64_t value_dim = grad_out.size(3);
  std::vector<StrandBlocks> strands = oracle::blocks_of(setting, query);
  const std::int64_t seen = oracle::visit_keys(setting, strands, keys, value_dim,
                                               [](const Meeting& meeting) { meeting.block.state->add(meeting.keys); });
  if (seen != value_dim) {
    const std::int64_t columns = wish.sensitivity ? 1 : 0;
    throw UsageError("grad_out: dim " + std::to_string(value_dim - columns) + ", but the value has " +
                     std::to_string(seen - columns));
  }
  const auto zeros = [&](std::int64_t dim) {
    return at::zeros({setting.batch, static_cast<std::int64_t>(wish.key_rows.size()), function.key_heads(), dim},
                     query.options().dtype(at::kDouble));
  };
  KeyRows sums(wish.key_rows, {zeros(query.size(3)), zeros(value_dim), zeros(1), zeros(1), zeros(1), zeros(1)});
  std::map<const RowBlock*, SoftmaxGradient> gradients = gradients_of(strands, grad_out);
  const SummedKeys summed(wish, function.seq_len, query.device());
  oracle::visit_keys(setting, strands, keys, value_dim, [&](const Meeting& meeting) {
    const std::optional<oracle::KeyBlock> keys_summed = summed.among(meeting.keys, meeting.first);
    if (!keys_summed) return;
    const std::int64_t end = meeting.first + meeting.keys.key.size(2);
    const oracle::KeyWish key_wish{sums.have_any(meeting.first, end), wish.sensitivity};
    const oracle::KeyGradients part = gradients.at(&meeting.block).add(*keys_summed, key_wish);
    if (!key_wish.gradients) return;
    const auto heads = oracle::shared_heads(meeting.strand.heads, function.heads, function.key_heads());
    sums.add(part, meeting.first, end, oracle::index_tensor(heads, query.device()));
  });

  OracleGradient result{
      of_queries(strands, query, query.size(3), [&](const RowBlock& block) { return gradients.at(&block).query(); }),
      sums.sums().key, sums.sums().value};
  if (!wish.sensitivity) return result;
  result.value = result.value.narrow(3, 0, value_dim - 1).contiguous();
  const auto of_rows = [&](const auto& part) {
    return of_queries(strands, query, 1, [&](const RowBlock& block) { return part(gradients.at(&block)); }).squeeze(-1);
  };
  result.sensitivity = {of_rows([](const SoftmaxGradient& gradient) { return gradient.query_sensitivity(); }),
                        sums.sums().key_sensitivity.squeeze(-1),
                        sums.sums().value_sensitivity.squeeze(-1),
                        of_rows([](const SoftmaxGradient& gradient) { return gradient.query_in_type(); }),
                        sums.sums().key_in_type_squared.squeeze(-1).sqrt(),
                        sums.sums().value_in_type_squared.squeeze(-1).sqrt()};
  return result;
}

}  // namespace

OracleGradient evaluate_oracle_gradient(const AttentionFunction& function, const at::Tensor& query,
                                        const KeyValueSource& keys, const at::Tensor& grad_out,
                                        const GradientWish& wish, const OracleOptions& options) {
  check_function(function);
  oracle::check_options(function, options);
  if (oracle::is_departure(options.defects))
    throw UsageError("defects: the gradient of " + to_string(options.defects) + " has no formula here");
  check_rows("key_rows", function, wish.key_rows);
  if (wish.summed_keys) check_rows("summed_keys", function, *wish.summed_keys);
  const std::vector<std::int64_t> rows = oracle::rows_or_all(function, options);
  oracle::check_tensor("query", query, static_cast<std::int64_t>(rows.size()));
  oracle::check_heads("query", query, function.heads);
  oracle::check_mask(function, options.mask, query.size(0), query.size(1));
  check_grad_out(grad_out, query, function);
  const double scale = function.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(query.size(3))));
  const Setting setting{function, options, rows, scale, query.size(0)};
  if (!wish.sensitivity) return evaluate(setting, query, keys, grad_out, wish);
  const at::Tensor zero = at::zeros({query.size(0), query.size(1), function.heads, 1}, grad_out.options());
  return evaluate(setting, query, with_norms(keys), with_column(grad_out, zero.to(at::kDouble)), wish);
}

OracleGradient evaluate_oracle_gradient(const AttentionFunction& function, const at::Tensor& query,
                                        const at::Tensor& key, const at::Tensor& value, const at::Tensor& grad_out,
                                        const OracleOptions& options) {
  oracle::check_tensor("query", query, function.seq_len);
  oracle::check_tensor("key", key, function.seq_len);
  oracle::check_tensor("value", value, function.seq_len);
  oracle::check_options(function, options);
  const at::Tensor rows = options.query_rows.empty()
                              ? query
                              : query.index_select(1, oracle::index_tensor(options.query_rows, query.device()));
  const KeyValueSource narrow = [&](std::int64_t first, std::int64_t count) {
    return KeyValueRows{key.narrow(1, first, count), value.narrow(1, first, count)};
  };
  GradientWish wish{.key_rows = std::vector<std::int64_t>(static_cast<std::size_t>(function.seq_len))};
  std::iota(wish.key_rows.begin(), wish.key_rows.end(), 0);
  return evaluate_oracle_gradient(function, rows, narrow, grad_out, wish, options);
}

}  // namespace ringattn
