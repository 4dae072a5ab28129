#include "tests/mutants/mutant_table.h"

#include <ATen/ATen.h>

#include <cstddef>

namespace ringattn::mutants {
namespace {

Block block_of(const at::Tensor& rows) {
  const auto bytes = static_cast<std::int64_t>(rows.nbytes());
  return {static_cast<std::byte*>(rows.data_ptr()), 1, bytes, bytes};
}

/// K and V of all ranks are gathered on each, and not used.
void gather_all(Communicator& communicator, const Scene& scene) {
  for (const at::Tensor& own : {scene.inputs->key, scene.inputs->value}) {
    std::vector<Block> blocks;
    for (int rank = 0; rank < scene.world_size; ++rank) {
      const std::int64_t rows = scene.plan->layout.local_rows(rank);
      scene.kept->push_back(at::empty({own.size(0), rows, own.size(2), own.size(3)}, own.options()));
      blocks.push_back(block_of(scene.kept->back()));
    }
    communicator.all_gather(block_of(own), blocks);
  }
}

/// The hop's first message is sent, and received, twice.
void repeat_message(Exchange& exchange, const Scene&) {
  for (std::vector<Message>* messages : {&exchange.sends, &exchange.receives}) {
    if (!messages->empty()) messages->push_back(Message(messages->front()));
  }
}

}  // namespace

std::vector<Mutant> cost_mutants() {
  return {
      {.name = "all_gather",
       .breaks = "an all_gather besides the ring: right numbers, wrong memory and traffic",
       .place = {.rank = every, .hop = 0},
       .is_metered = true,
       .deed = gather_all},
      {.name = "gathered_memory",
       .breaks = "one rank holds n rows, and sends nothing",
       .place = {.hop = 0},
       .is_metered = true,
       .deed =
           [](Communicator&, const Scene& scene) {
             const at::Tensor& key = scene.inputs->key;
             scene.kept->push_back(
                 at::empty({key.size(0), scene.source->seq_len(), key.size(2), key.size(3)}, key.options()));
           }},
      {.name = "buffer_leaked",
       .breaks = "a hop's buffer is never freed",
       .is_metered = true,
       .arrived = [](Exchange&, const Scene& scene) { scene.kept->push_back(at::empty({1024}, at::kByte)); }},
      {.name = "byte_leaked",
       .breaks = "one byte of one rank",
       .place = {.rank = 0, .hop = 0},
       .is_metered = true,
       .deed = [](Communicator&, const Scene& scene) { scene.kept->push_back(at::empty({1}, at::kByte)); }},
      {.name = "message_repeated",
       .breaks = "a hop's message is sent twice",
       .place = {.rank = every, .hop = 1},
       .post = repeat_message},
  };
}

}  // namespace ringattn::mutants
