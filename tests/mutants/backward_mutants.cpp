#include "tests/mutants/block_edits.h"
#include "tests/mutants/mutant_table.h"

#include <ATen/ATen.h>

#include <cmath>
#include <cstring>

namespace ringattn::mutants {
namespace {

void lose_keys(Exchange& exchange, const Scene&) {
  for (const Message& message : exchange.receives)
    for_each_row(keys_of(message),
                 [](std::byte* row, std::int64_t bytes) { std::memset(row, 0, static_cast<std::size_t>(bytes)); });
}

void double_values(Exchange& exchange, const Scene&) {
  for (const Message& message : exchange.receives) {
    for_each_row(values_of(message), [&](std::byte* row, std::int64_t bytes) {
      const auto count = bytes / static_cast<std::int64_t>(sizeof(float));  // sums of bf16 are fp32
      at::from_blob(row, {count}, at::TensorOptions().dtype(at::kFloat)).mul_(2.0);
    });
  }
}

}  // namespace

std::vector<Mutant> backward_mutants() {
  return {
      {.name = "dk_not_returned",
       .breaks = "dK of one rank's rows stays where other ranks made it",
       .place = {.rank = 0, .hop = every},
       .is_backward = true,
       .arrived = lose_keys,
       .channel = Channel::gradients},
      {.name = "dv_added_twice",
       .breaks = "dV that has come with one hop is added twice",
       .is_backward = true,
       .arrived = double_values,
       .channel = Channel::gradients},
      {.name = "dk_zero",
       .breaks = "one rank returns no dK",
       .place = {.hop = at_end},
       .is_backward = true,
       .gradients = [](Gradients& gradients, const Scene&) { gradients.key.zero_(); }},
      {.name = "dv_halved",
       .breaks = "dV of one hop is halved",
       .is_backward = true,
       .tile_gradients = [](BlockGradients& gradients, const Scene&) { gradients.value.mul_(0.5); }},
      {.name = "dq_step_missing",
       .breaks = "dq of one hop is missing",
       .is_backward = true,
       .tile_gradients = [](BlockGradients& gradients, const Scene&) { gradients.query.zero_(); }},
      {.name = "dk_unscaled",
       .breaks = "dK without 1/√d in one hop",
       .is_backward = true,
       .tile_gradients =
           [](BlockGradients& gradients, const Scene&) {
             gradients.key.mul_(std::sqrt(static_cast<double>(gradients.key.size(3))));
           }},
      {.name = "lse_saved_in_bf16",
       .breaks = "backward reads lse rounded to bf16",
       .place = {.rank = every, .hop = 0},
       .is_backward = true,
       .saved = [](Partial& saved,
                   const Scene&) { saved.lse = saved.lse.to(at::kBFloat16).to(saved.lse.scalar_type()); }},
      {.name = "out_saved_of_other_row",
       .breaks = "backward reads another row's out",
       .place = {.hop = 0},
       .is_backward = true,
       .saved = [](Partial& saved, const Scene&) { saved.out = saved.out.roll(1, 1); }},
      {.name = "dq_in_bf16",
       .breaks = "dq of each hop is rounded to bf16",
       .place = {.rank = every, .hop = every},
       .is_backward = true,
       .tile_gradients = [](BlockGradients& gradients,
                            const Scene&) { gradients.query.copy_(gradients.query.to(at::kBFloat16)); }},
  };
}

}  // namespace ringattn::mutants
