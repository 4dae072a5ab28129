#include "tests/mutants/mutant_table.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace ringattn::mutants {
namespace {

constexpr double kHidden = -std::numeric_limits<double>::infinity();

/// The triangle's diagonal lies `further` keys to the right.
void move_diagonal(BlockInputs& tile, std::int64_t further) {
  if (tile.rule != MaskRule::causal) return;
  const at::Tensor hidden =
      at::full({1, 1, tile.query.size(2), tile.key.size(2)}, kHidden, at::kFloat).triu_(further + 1);
  tile.rule = MaskRule::full;
  tile.bias = tile.bias.defined() ? tile.bias + hidden : hidden;
}

/// One head reads the V of the rank's own rows.
void take_own_value(BlockInputs& tile, const Scene& scene) {
  const at::Tensor own = scene.inputs->value.select(2, scene.inputs->value.size(2) - 1);  // (batch, rows, dim)
  const std::int64_t rows = std::min(own.size(1), tile.value.size(2));
  if (tile.value.size(0) != own.size(0)) return;
  tile.value = tile.value.clone();
  tile.value.select(1, tile.value.size(1) - 1).narrow(1, 0, rows).copy_(own.narrow(1, 0, rows));
}

/// Keys and values [first, first + count) of the call.
void keep_keys(BlockInputs& tile, std::int64_t first, std::int64_t count) {
  if (count < 1 || tile.rule != MaskRule::full) return;
  tile.key = tile.key.narrow(2, first, count);
  tile.value = tile.value.narrow(2, first, count);
  if (tile.bias.defined() && tile.bias.size(3) > 1) tile.bias = tile.bias.narrow(3, first, count);
}

void repeat_first_key(BlockInputs& tile, const Scene&) {
  if (tile.rule != MaskRule::full || tile.bias.defined()) return;
  tile.key = at::cat({tile.key.narrow(2, 0, 1), tile.key}, 2);
  tile.value = at::cat({tile.value.narrow(2, 0, 1), tile.value}, 2);
}

/// The ten bits of mantissa that TF32 keeps.
void round_to_tf32(BlockInputs& tile, const Scene& scene) {
  if (scene.dtype != at::kFloat) return;
  const auto rounded = [](const at::Tensor& t) {
    return t.clone().view(at::kInt).bitwise_and_(~0x1FFF).view(at::kFloat);
  };
  tile.query = rounded(tile.query), tile.key = rounded(tile.key);
}

void round_state_to_bf16(const at::Tensor& tensor) { tensor.copy_(tensor.to(at::kBFloat16)); }

}  // namespace

std::vector<Mutant> tile_mutants() {
  return {
      {.name = "causal_off_by_one",
       .breaks = "on one rank a query sees the key after it",
       .place = {.hop = 0},
       .tile = [](BlockInputs& tile, const Scene&) { move_diagonal(tile, 1); }},
      {.name = "causal_missing",
       .breaks = "on one rank a query sees later keys",
       .place = {.hop = 0},
       .tile = [](BlockInputs& tile, const Scene&) { tile.rule = MaskRule::full; }},
      {.name = "wrong_peer_value", .breaks = "one head reads the V of the wrong peer", .tile = take_own_value},
      {.name = "lse_drift",
       .breaks = "a part's lse is 0.05 too small",
       .partial = [](Partial& partial, const Scene&) { partial.lse.sub_(0.05); }},
      {.name = "lse_scaled",
       .breaks = "a part's lse is 1 % too large",
       .partial = [](Partial& partial, const Scene&) { partial.lse.mul_(1.01); }},
      {.name = "lse_base_2",
       .breaks = "lse is a logarithm to base 2",
       .place = {.rank = every, .hop = every},
       .partial = [](Partial& partial, const Scene&) { partial.lse.mul_(1.0 / std::log(2.0)); }},
      {.name = "merge_unweighted",
       .breaks = "parts are averaged without their denominators",
       .partial = [](Partial& partial, const Scene&) { partial.lse.zero_(); }},
      {.name = "running_out_in_bf16",
       .breaks = "the running output is rounded to bf16 after each hop",
       .place = {.rank = every, .hop = every},
       .state = [](const RunningState& state, const Scene&) { round_state_to_bf16(state.out()); }},
      {.name = "running_lse_in_bf16",
       .breaks = "the running lse is rounded to bf16 after each hop",
       .place = {.rank = every, .hop = every},
       .state = [](const RunningState& state, const Scene&) { round_state_to_bf16(state.lse()); }},
      {.name = "scale_missing",
       .breaks = "scores without 1/√d",
       .place = {.rank = every, .hop = every},
       .tile = [](BlockInputs& tile, const Scene&) { tile.softmax_scale = 1.0; }},
      {.name = "scale_of_embed",
       .breaks = "scores over √(heads · d) in one hop",
       .tile = [](BlockInputs& tile,
                  const Scene&) { tile.softmax_scale /= std::sqrt(static_cast<double>(tile.query.size(1))); }},
      {.name = "last_key_lost",
       .breaks = "a hop's tiles stop one key early",
       .tile = [](BlockInputs& tile, const Scene&) { keep_keys(tile, 0, tile.key.size(2) - 1); }},
      {.name = "first_key_lost",
       .breaks = "a hop's tiles begin one key late",
       .tile = [](BlockInputs& tile, const Scene&) { keep_keys(tile, 1, tile.key.size(2) - 1); }},
      {.name = "key_repeated", .breaks = "one key of a hop counts twice", .tile = repeat_first_key},
      {.name = "tf32_products",
       .breaks = "fp32 scores from ten bits of mantissa",
       .place = {.rank = every, .hop = every},
       .tile = round_to_tf32},
      {.name = "mask_dropped",
       .breaks = "one rank forgets the mask of its own keys",
       .setting = "padding",
       .place = {.hop = 0},
       .tile = [](BlockInputs& tile, const Scene&) { tile.bias = tile.empty_rows = at::Tensor(); }},
      {.name = "dropout_unscaled",
       .breaks = "what dropout keeps is not divided by 1 - p",
       .setting = "dropout",
       .partial = [](Partial& partial,
                     const Scene& scene) { partial.out.mul_(1.0 - scene.plan->pattern.function.dropout); }},
      {.name = "dropout_by_local_key",
       .breaks = "dropout counts the keys of a hop from 0",
       .setting = "dropout",
       .tile =
           [](BlockInputs& tile, const Scene&) {
             static const std::vector<std::int64_t> from_0 = [] {
               std::vector<std::int64_t> numbers;
               for (std::int64_t i = 0; i < 4096; ++i) numbers.push_back(i);
               return numbers;
             }();
             if (tile.dropout)
               tile.dropout->key_positions = std::span(from_0).first(tile.dropout->key_positions.size());
           }},
  };
}

}  // namespace ringattn::mutants
