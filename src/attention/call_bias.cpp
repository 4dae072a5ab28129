#include "attention/call_bias.h"

#include "attention/call_bias_cuda.h"
#include "pattern/visibility.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <limits>

namespace ringattn {
namespace {

template <typename Acc>
constexpr Acc kHidden = -std::numeric_limits<Acc>::infinity();

/// A mask's element as what it adds to a score.
template <typename Acc, typename Element>
Acc addend(Element element) {
  if constexpr (std::is_same_v<Element, bool>)
    return element ? Acc(0) : kHidden<Acc>;
  else
    return static_cast<Acc>(element);
}

std::int64_t within(const at::Tensor& tensor, int dim, std::int64_t index) {
  return tensor.size(dim) == 1 ? 0 : index * tensor.stride(dim);
}

/// One row of bias: (copy, head, row), `keys` numbers long.
template <typename Acc>
struct BiasRow {
  std::int64_t copy, head, row;
  std::span<Acc> keys;
};

template <typename Acc, typename Element>
void add_scores_mask(const BiasRow<Acc>& to, const TileCall& call, const BiasSources& from) {
  const at::Tensor& mask = from.scores_mask;
  const Element* row = mask.const_data_ptr<Element>() + within(mask, 0, call.batch_begin + to.copy) +
                       within(mask, 1, call.heads.begin + to.head) +
                       from.query_rows[static_cast<std::size_t>(to.row)] * mask.stride(2);
  for (std::size_t j = 0; j < to.keys.size(); ++j)
    to.keys[j] += addend<Acc>(row[from.key_positions[j] * mask.stride(3)]);
}

template <typename Acc, typename Element>
void add_key_mask(const BiasRow<Acc>& to, const TileCall& call, const BiasSources& from) {
  const at::Tensor& mask = from.key_mask;
  const bool by_segment = call.key.segments > 1;
  const Element* row = mask.const_data_ptr<Element>() + within(mask, 0, call.batch_begin + (by_segment ? 0 : to.copy)) +
                       (by_segment ? to.copy * call.key.segment_stride : 0) * mask.stride(1);
  for (std::size_t j = 0; j < to.keys.size(); ++j)
    to.keys[j] += addend<Acc>(row[(call.key.first + static_cast<std::int64_t>(j) * call.key.step) * mask.stride(1)]);
}

/// Calls `use` with a null pointer to the mask's element type.
template <typename Use>
void with_element(const at::Tensor& mask, Use use) {
  switch (mask.scalar_type()) {
    case at::kBool:
      return use(static_cast<bool*>(nullptr));
    case at::kDouble:
      return use(static_cast<double*>(nullptr));
    case at::kBFloat16:
      return use(static_cast<at::BFloat16*>(nullptr));
    case at::kHalf:
      return use(static_cast<at::Half*>(nullptr));
    default:
      return use(static_cast<float*>(nullptr));
  }
}

template <typename Acc>
class BiasFiller {
 public:
  BiasFiller(const AttentionFunction& function, MaskRule rule, const TileCall& call, const BiasSources& sources)
      : visibility_(function), rule_(rule), call_(call), sources_(sources) {}

  void fill(const BiasRow<Acc>& row) const {
    std::fill(row.keys.begin(), row.keys.end(), Acc(0));
    if (rule_ == MaskRule::positions) hide_by_position(row);
    if (sources_.scores_mask.defined()) {
      with_element(sources_.scores_mask,
                   [&]<typename Element>(Element*) { add_scores_mask<Acc, Element>(row, call_, sources_); });
    }
    if (sources_.key_mask.defined()) {
      with_element(sources_.key_mask,
                   [&]<typename Element>(Element*) { add_key_mask<Acc, Element>(row, call_, sources_); });
    }
  }

  /// Rows of the triangle before the first key that is left; `all` where nothing is.
  void mark_empty(const BiasRow<Acc>& row, std::span<bool> empty) const {
    const auto first = std::find_if(row.keys.begin(), row.keys.end(), [](Acc x) { return x != kHidden<Acc>; });
    const bool none = first == row.keys.end();
    for (std::size_t i = 0; i < empty.size(); ++i) {
      const bool is_later = rule_ == MaskRule::causal && static_cast<std::int64_t>(i) < first - row.keys.begin();
      empty[i] = none || is_later;
    }
  }

 private:
  void hide_by_position(const BiasRow<Acc>& row) const {
    const PositionRange seen = visibility_.keys_of(sources_.query_positions[static_cast<std::size_t>(row.row)]);
    const std::span<const std::int64_t> keys = sources_.key_positions;
    const auto begin = std::lower_bound(keys.begin(), keys.end(), seen.begin) - keys.begin();
    const auto end = std::lower_bound(keys.begin(), keys.end(), std::max(seen.begin, seen.end)) - keys.begin();
    std::fill(row.keys.begin(), row.keys.begin() + begin, kHidden<Acc>);
    std::fill(row.keys.begin() + end, row.keys.end(), kHidden<Acc>);
  }

  Visibility visibility_;
  MaskRule rule_;
  const TileCall& call_;
  const BiasSources& sources_;
};

template <typename Acc>
void fill_all(const BiasFiller<Acc>& filler, const BiasShape& shape, const CallBias& result) {
  auto* bias = result.bias.data_ptr<Acc>();
  auto* empty = result.empty_rows.data_ptr<bool>();
  const std::int64_t grain = std::max<std::int64_t>(1, (std::int64_t{1} << 15) / std::max<std::int64_t>(1, shape.keys));
  at::parallel_for(0, shape.copies * shape.heads * shape.rows, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const BiasRow<Acc> row{.copy = i / shape.rows / shape.heads,
                             .head = i / shape.rows % shape.heads,
                             .row = i % shape.rows,
                             .keys = {bias + i * shape.keys, static_cast<std::size_t>(shape.keys)}};
      filler.fill(row);
      const std::int64_t marked = shape.empty_rows / shape.rows;
      filler.mark_empty(row, {empty + i * marked, static_cast<std::size_t>(marked)});
    }
  });
}

}  // namespace

BiasShape bias_shape(const AttentionFunction& function, MaskRule rule, const TileCall& call, std::int64_t mask_batch) {
  const MaskKind mask = function.mask.kind;
  if (rule != MaskRule::positions && mask == MaskKind::none) return {};
  const bool by_row = rule == MaskRule::positions || mask == MaskKind::scores;
  const bool by_segment = call.query.segments > 1;
  BiasShape shape;
  shape.copies = by_segment && mask == MaskKind::keys ? call.query.segments : mask_batch > 1 ? call.batches() : 1;
  shape.heads = mask == MaskKind::scores && function.mask.is_per_head ? call.heads.size() : 1;
  shape.rows = by_row ? call.query.count : 1;
  shape.keys = call.key.count;
  shape.empty_rows = rule == MaskRule::causal ? call.query.count : shape.rows;
  return shape;
}

std::int64_t bias_place_bytes(const AttentionFunction& function, MaskRule rule, const TileCall& call) {
  std::int64_t places = 0;
  if (rule == MaskRule::positions) places += 2 * call.query.count;
  if (function.mask.kind == MaskKind::scores) places += call.query.count + call.key.count;
  return places * static_cast<std::int64_t>(sizeof(std::int64_t));
}

CallBias make_call_bias(const AttentionFunction& function, MaskRule rule, const TileCall& call, const BiasShape& shape,
                        const BiasSources& sources, at::ScalarType dtype, at::Device device) {
  if (shape.copies == 0) return {};
  const at::TensorOptions options = at::TensorOptions().dtype(dtype).device(device);
  if (!device.is_cpu()) return make_call_bias_cuda(function, rule, call, shape, sources, options);
  CallBias result{at::empty({shape.copies, shape.heads, shape.rows, shape.keys}, options),
                  at::empty({shape.copies, shape.heads, shape.empty_rows}, options.dtype(at::kBool)),
                  {}};
  if (dtype == at::kDouble)
    fill_all(BiasFiller<double>(function, rule, call, sources), shape, result);
  else
    fill_all(BiasFiller<float>(function, rule, call, sources), shape, result);
  return result;
}

}  // namespace ringattn
