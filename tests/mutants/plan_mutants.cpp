#include "tests/mutants/mutant_table.h"

#include <ATen/ATen.h>

#include <algorithm>

namespace ringattn::mutants {
namespace {

constexpr Place kEverywhere{.rank = every, .hop = every};
constexpr Place kInTheEnd{.rank = every, .hop = at_end};
constexpr Place kOwnKeys{.hop = 0};

/// The rank's keys begin one row early.
void shift_keys(RankInputs& inputs, const Scene& scene) {
  Positions shifted = scene.plan->layout.positions(scene.rank);
  for (PositionRun& run : shifted) run.first = std::max<std::int64_t>(0, run.first - 1);
  inputs.key = scene.source->rows(InputTensor::key, shifted, scene.dtype);
  inputs.value = scene.source->rows(InputTensor::value, shifted, scene.dtype);
}

/// The rank reads the whole mask from row 0 on, where its own rows begin later.
void leave_mask_whole(RankInputs& inputs, const Scene& scene) {
  inputs.mask = scene.source->mask({{.first = 0, .count = scene.plan->rows, .step = 1}});
}

/// The rows of the rank's second half are taken for its first half's.
at::Tensor halves_swapped(const at::Tensor& tensor, int dim) { return tensor.roll(tensor.size(dim) / 2, dim); }

/// Query head h is taken to read key head h mod (key heads): heads 1 and 2 of four change places on the way in …
at::Tensor other_head_order(const at::Tensor& tensor, int dim) {
  const std::int64_t heads = tensor.size(dim), key_heads = 2;
  std::vector<std::int64_t> order;
  for (std::int64_t h = 0; h < heads; ++h)
    order.push_back(h % (heads / key_heads) * key_heads + h / (heads / key_heads));
  return tensor.index_select(dim, at::tensor(order, at::kLong));
}

}  // namespace

std::vector<Mutant> plan_mutants() {
  return {
      {.name = "dilation_offset",
       .breaks = "every head group's dilation begins at offset 0",
       .setting = "dilated",
       .place = kEverywhere,
       .function = [](AttentionFunction& f, const Scene&) { f.axes.offset = OffsetRule::zero; }},
      {.name = "dilation_rate",
       .breaks = "the last group's dilation rate is one too large",
       .setting = "dilated",
       .place = kEverywhere,
       .function = [](AttentionFunction& f, const Scene&) { ++f.pairs.back().dilation_rate; }},
      {.name = "segment_length",
       .breaks = "segments are one row too long",
       .setting = "dilated",
       .place = kEverywhere,
       .function = [](AttentionFunction& f, const Scene&) { ++f.pairs.front().segment_length; }},
      {.name = "group_scale_missing",
       .breaks = "results are not divided by the number of head groups",
       .setting = "dilated",
       .place = kInTheEnd,
       .plan = [](Plan& plan, const Scene&) { plan.pattern.scale = 1.0; }},
      {.name = "group_scale_doubled",
       .breaks = "results are divided by the number of head groups twice",
       .setting = "dilated",
       .place = kInTheEnd,
       .plan = [](Plan& plan, const Scene&) { plan.pattern.scale *= plan.pattern.scale; }},
      {.name = "shard_boundary",
       .breaks = "one rank's keys begin one row early",
       .place = kOwnKeys,
       .inputs = shift_keys},
      {.name = "mask_not_sliced",
       .breaks = "one rank reads the mask's first rows",
       .setting = "random_mask",
       .place = kOwnKeys,
       .inputs = leave_mask_whole},
      {.name = "key_mask_not_sliced",
       .breaks = "one rank sends the key mask's first part along",
       .setting = "padding",
       .place = kOwnKeys,
       .inputs = leave_mask_whole},
      {.name = "window_wide",
       .breaks = "the window is one key too wide",
       .setting = "window",
       .place = kEverywhere,
       .function = [](AttentionFunction& f, const Scene&) { ++f.window.left; }},
      {.name = "window_narrow",
       .breaks = "the window is one key too narrow",
       .setting = "window",
       .place = kEverywhere,
       .function = [](AttentionFunction& f, const Scene&) { --f.window.left; }},
      {.name = "document_boundary",
       .breaks = "a document begins one row late",
       .setting = "documents",
       .place = kEverywhere,
       .function = [](AttentionFunction& f, const Scene&) { ++f.documents[1]; }},
      {.name = "head_map",
       .breaks = "query head h reads key head h mod their number",
       .setting = "shared_heads",
       .place = kEverywhere,
       .inputs = [](RankInputs& inputs, const Scene&) { inputs.query = other_head_order(inputs.query, 2); },
       .result =
           [](Partial& result, const Scene&) {
             result.out.copy_(other_head_order(result.out, 2));
             result.lse.copy_(other_head_order(result.lse, 1));
           }},
      {.name = "dropout_by_ranks",
       .breaks = "the dropout mask depends on k",
       .setting = "dropout",
       .place = kEverywhere,
       .function = [](AttentionFunction& f,
                      const Scene& scene) { f.dropout_seed += static_cast<std::uint64_t>(scene.world_size); }},
      {.name = "curve_order_lost",
       .breaks = "dilation counts positions in place of places along the curve",
       .setting = "curve_order",
       .place = kEverywhere,
       .function = [](AttentionFunction& f, const Scene&) { f.axes.order = OrderRule::position; }},
      {.name = "chunks_swapped",
       .breaks = "one rank's two zigzag chunks of K and V change places",
       .setting = "zigzag",
       .place = kOwnKeys,
       .inputs =
           [](RankInputs& inputs, const Scene&) {
             inputs.key = halves_swapped(inputs.key, 1), inputs.value = halves_swapped(inputs.value, 1);
           }},
  };
}

}  // namespace ringattn::mutants
