#include "tests/mutants/block_edits.h"
#include "tests/mutants/mutant_table.h"
#include "tests/mutants/plan_edits.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cstring>

namespace ringattn::mutants {
namespace {

void swap_keys_and_values(Exchange& exchange, const Scene&) {
  for (const Message& message : exchange.receives) {
    const std::vector<Block> keys = keys_of(message), values = values_of(message);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      for (std::int64_t row = 0; row < keys[i].rows; ++row)
        std::swap_ranges(keys[i].data + row * keys[i].row_stride_bytes,
                         keys[i].data + row * keys[i].row_stride_bytes + keys[i].row_bytes,
                         values[i].data + row * values[i].row_stride_bytes);
    }
  }
}

/// A bit of the exponent of the first number that came.
void flip_a_bit(Exchange& exchange, const Scene& scene) {
  const Block& block = exchange.receives.front().blocks.front();
  block.data[c10::elementSize(scene.dtype) - 1] ^= std::byte{1};
}

void reverse_rows(Exchange& exchange, const Scene&) {
  for (const Block& block : values_of(exchange.receives.front())) {
    for (std::int64_t row = 0; row < block.rows / 2; ++row)
      std::swap_ranges(block.data + row * block.row_stride_bytes,
                       block.data + row * block.row_stride_bytes + block.row_bytes,
                       block.data + (block.rows - 1 - row) * block.row_stride_bytes);
  }
}

void round_to_bf16(Exchange& exchange, const Scene& scene) {
  if (scene.dtype != at::kFloat) return;
  for (const Message& message : exchange.receives) {
    for_each_row(message.blocks, [](std::byte* row, std::int64_t bytes) {
      at::Tensor numbers = at::from_blob(row, {bytes / 4}, at::kFloat);
      numbers.copy_(numbers.to(at::kBFloat16));
    });
  }
}

/// Reading before arrival finds whatever was there; here that is NaN, so that no luck hides it.
void poison(const Exchange& exchange) {
  for (const Message& message : exchange.receives)
    for_each_row(message.blocks,
                 [](std::byte* row, std::int64_t bytes) { std::memset(row, 0xFF, static_cast<std::size_t>(bytes)); });
}

/// The rows land elsewhere, and the hop's buffer keeps what an earlier hop left in it.
void receive_elsewhere(Exchange& exchange, const Scene& scene) {
  for (Message& message : exchange.receives) {
    for (Block& block : message.blocks) {
      scene.kept->push_back(at::empty({block.rows * block.row_stride_bytes}, at::kByte));
      block.data = static_cast<std::byte*>(scene.kept->back().data_ptr());
    }
  }
}

}  // namespace

std::vector<Mutant> hop_mutants() {
  return {
      {.name = "hop_dropped",
       .breaks = "the keys of one hop are never merged",
       .plan =
           [](Plan& plan, const Scene&) {
             if (Step* step = step_of(plan, 1)) step->tiles.clear();
           }},
      {.name = "hop_doubled",
       .breaks = "the keys of one hop are merged twice",
       .plan =
           [](Plan& plan, const Scene&) {
             Step* step = step_of(plan, 1);
             if (step == nullptr) return;
             const std::vector<PlanTile> again = step->tiles;
             step->tiles.insert(step->tiles.end(), again.begin(), again.end());
           }},
      {.name = "hops_swapped",
       .breaks = "two hops' rows are taken for each other's",
       .place = {.rank = 1, .hop = 1},
       .hops_min = 2,
       .plan = [](Plan& plan, const Scene&) { swap_hops(plan, 1, 2); }},
      {.name = "stale_own",
       .breaks = "a hop runs on the K and V of step 0",
       .plan = [](Plan& plan, const Scene&) { read_own_rows(plan, 1); }},
      {.name = "stale_buffer",
       .breaks = "a hop runs on what its buffer held before",
       .place = {.hop = 3},
       .hops_min = 3,
       .post = receive_elsewhere},
      {.name = "early_read",
       .breaks = "a race: a hop's tiles run before its rows have arrived",
       .post =
           [](Exchange& exchange, const Scene& scene) {
             poison(exchange);
             receive_elsewhere(exchange, scene);
           }},
      {.name = "key_value_swapped", .breaks = "K and V of a hop change places", .arrived = swap_keys_and_values},
      {.name = "bit_flipped", .breaks = "one bit of one number of a hop", .arrived = flip_a_bit},
      {.name = "value_rows_reversed", .breaks = "V's rows of a hop in another order than K's", .arrived = reverse_rows},
      {.name = "hop_in_bf16", .breaks = "fp32 rows are rounded to bf16 on the way", .arrived = round_to_bf16},
  };
}

}  // namespace ringattn::mutants
