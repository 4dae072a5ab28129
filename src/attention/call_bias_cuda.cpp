#include "attention/call_bias_cuda.h"

#include "attention/device_stream.h"
#include "attention/merge_view.h"
#include "kernels/bias.h"
#include "pattern/visibility.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <vector>

namespace ringattn {
namespace {

/// 0 where one number serves all.
std::int64_t stride_of(const at::Tensor& mask, std::int64_t dim) { return mask.size(dim) == 1 ? 0 : mask.stride(dim); }

kernels::MaskView view_of(const at::Tensor& mask, std::int64_t offset) {
  return {.data = static_cast<const std::byte*>(mask.const_data_ptr()) + offset * mask.element_size(),
          .is_bool = mask.scalar_type() == at::kBool,
          .element = element_of(mask)};
}

kernels::MaskView scores_view(const at::Tensor& mask, const TileCall& call) {
  kernels::MaskView view = view_of(mask, call.batch_begin * stride_of(mask, 0) + call.heads.begin * stride_of(mask, 1));
  view.copy_stride = stride_of(mask, 0), view.head_stride = stride_of(mask, 1);
  view.row_stride = mask.stride(2), view.key_stride = mask.stride(3);
  return view;
}

kernels::MaskView keys_view(const at::Tensor& mask, const TileCall& call) {
  kernels::MaskView view = view_of(mask, call.batch_begin * stride_of(mask, 0) + call.key.first * mask.stride(1));
  view.copy_stride = call.key.segments > 1 ? call.key.segment_stride * mask.stride(1) : stride_of(mask, 0);
  view.key_stride = call.key.step * mask.stride(1);
  return view;
}

/// Lists of numbers that lie one after another in one tensor.
class Places {
 public:
  void add(const std::vector<std::int64_t>& numbers) { all_.insert(all_.end(), numbers.begin(), numbers.end()); }
  std::int64_t size() const { return static_cast<std::int64_t>(all_.size()); }
  at::Tensor on(const at::Device& device) const { return at::tensor(all_, at::kLong).to(device); }

 private:
  std::vector<std::int64_t> all_;
};

/// Of each query row, the first key that it sees, then of each row the first after those.
void add_seen(Places& places, const AttentionFunction& function, const BiasSources& sources) {
  const Visibility visibility(function);
  const std::span<const std::int64_t> keys = sources.key_positions;
  const auto place_of = [&](std::int64_t position) {
    return std::lower_bound(keys.begin(), keys.end(), position) - keys.begin();
  };
  std::vector<std::int64_t> begins, ends;
  for (const std::int64_t query : sources.query_positions) {
    const PositionRange seen = visibility.keys_of(query);
    begins.push_back(place_of(seen.begin));
    ends.push_back(place_of(std::max(seen.begin, seen.end)));
  }
  places.add(begins);
  places.add(ends);
}

std::vector<std::int64_t> list(std::span<const std::int64_t> numbers) { return {numbers.begin(), numbers.end()}; }

}  // namespace

CallBias make_call_bias_cuda(const AttentionFunction& function, MaskRule rule, const TileCall& call,
                             const BiasShape& shape, const BiasSources& sources, const at::TensorOptions& options) {
  CallBias result{at::empty({shape.copies, shape.heads, shape.rows, shape.keys}, options),
                  at::empty({shape.copies, shape.heads, shape.empty_rows}, options.dtype(at::kBool)),
                  {}};
  Places places;
  if (rule == MaskRule::positions) add_seen(places, function, sources);
  const std::int64_t scores_begin = places.size();
  if (sources.scores_mask.defined()) {
    places.add(list(sources.query_rows));
    places.add(list(sources.key_positions));
  }
  kernels::BiasFill fill{.copies = shape.copies,
                         .heads = shape.heads,
                         .rows = shape.rows,
                         .keys = shape.keys,
                         .element = element_of(result.bias),
                         .scores = {},
                         .key_mask = {},
                         .bias = result.bias.data_ptr(),
                         .empty = result.empty_rows.data_ptr<bool>(),
                         .empty_rows = shape.empty_rows,
                         .is_triangle = rule == MaskRule::causal};
  if (places.size() > 0) {
    result.places = places.on(result.bias.device());
    const auto* first = result.places.const_data_ptr<std::int64_t>();
    if (rule == MaskRule::positions) fill.seen_begin = first, fill.seen_end = first + shape.rows;
    fill.query_rows = first + scores_begin;
    fill.key_positions = fill.query_rows + shape.rows;
  }
  if (sources.scores_mask.defined()) fill.scores = scores_view(sources.scores_mask, call);
  if (sources.key_mask.defined()) fill.key_mask = keys_view(sources.key_mask, call);
  kernels::fill_bias_cuda(fill, current_stream(result.bias.device()));
  return result;
}

}  // namespace ringattn
