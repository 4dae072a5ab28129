#include "legacy/visibility.h"

#include "legacy/philox.h"

#include <ATen/ATen.h>

#include <vector>

namespace ringattn::legacy {
namespace {

at::Tensor positions(const Rows& rows, at::Device device) {
  if (rows.list.defined()) return rows.list.to(device);
  return at::arange(rows.first, rows.end, rows.step, at::TensorOptions(at::kLong).device(device));
}

std::vector<std::int64_t> listed(const Rows& rows) {
  const at::Tensor all = positions(rows, at::kCPU).contiguous();
  const auto* data = all.const_data_ptr<std::int64_t>();
  return {data, data + all.numel()};
}

void keep(at::Tensor& visible, const at::Tensor& allowed) {
  visible = visible.defined() ? visible.logical_and(allowed) : allowed;
}

/// (1, 1, a, b): what distances and documents allow; undefined for everything.
at::Tensor by_position(const IntendedArguments& arguments, const at::Tensor& query, const at::Tensor& key) {
  at::Tensor visible;
  const at::Tensor distance = key.unsqueeze(0) - query.unsqueeze(1);
  if (arguments.is_causal) keep(visible, distance <= 0);
  if (arguments.window.left >= 0) keep(visible, distance >= -arguments.window.left);
  if (arguments.window.right >= 0) keep(visible, distance <= arguments.window.right);
  for (std::size_t i = 1; i + 1 < arguments.documents.size(); ++i) {
    const std::int64_t boundary = arguments.documents[i];
    keep(visible, (key < boundary).unsqueeze(0).eq((query < boundary).unsqueeze(1)));
  }
  return visible.defined() ? visible.unsqueeze(0).unsqueeze(0) : visible;
}

/// The part of the caller's mask that belongs to the call, (batch or 1, heads or 1, a or 1, b).
at::Tensor mask_part(const FullInputs& inputs, const HeadGroup& heads, const Rows& queries, const Rows& keys) {
  const at::Tensor columns = rows_of(inputs.mask, keys, -1);
  if (columns.dim() == 2) return columns.unsqueeze(1).unsqueeze(1);
  const at::Tensor rows = rows_of(columns, queries, 2);
  return rows.size(1) == 1 ? rows : rows.narrow(1, heads.first, heads.count);
}

}  // namespace

bool Rows::empty() const { return list.defined() ? list.numel() == 0 : first >= end; }

at::Tensor rows_of(const at::Tensor& tensor, const Rows& rows, std::int64_t dim) {
  if (rows.list.defined()) return tensor.index_select(dim, rows.list.to(tensor.device()));
  return tensor.slice(dim, rows.first, rows.end, rows.step);
}

AttendOptions attend_options(const FullInputs& inputs, const IntendedArguments& arguments, const HeadGroup& heads,
                             const Rows& queries, const Rows& keys) {
  const at::Device device = inputs.query.device();
  AttendOptions options{.softmax_scale = arguments.softmax_scale};
  at::Tensor visible = by_position(arguments, positions(queries, device), positions(keys, device));
  if (inputs.mask.defined()) {
    const at::Tensor part = mask_part(inputs, heads, queries, keys);
    if (part.scalar_type() == at::kBool) {
      keep(visible, part);
    } else {
      options.bias = part.to(inputs.query.scalar_type());
      keep(visible, part.isneginf().logical_not());
    }
  }
  options.visible = visible;
  if (arguments.dropout > 0.0) {
    options.kept = kept_weights({.batch = inputs.query.size(0),
                                 .first_head = heads.first,
                                 .heads = heads.count,
                                 .queries = listed(queries),
                                 .keys = listed(keys),
                                 .dropout = arguments.dropout,
                                 .seed = arguments.dropout_seed})
                       .to(device);
    options.dropout = arguments.dropout;
  }
  return options;
}

}  // namespace ringattn::legacy
