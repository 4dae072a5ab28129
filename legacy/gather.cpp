#include "legacy/gather.h"

#include "config/positions.h"
#include "legacy/ring_pass.h"

#include <ATen/ATen.h>

namespace ringattn::legacy {
std::vector<at::Tensor> gather_chunks(Communicator& communicator, const at::Tensor& own,
                                      const std::vector<std::int64_t>& rows_of_rank) {
  const at::Tensor sent = own.contiguous();
  std::vector<at::Tensor> chunks;
  std::vector<Block> blocks;
  for (const std::int64_t rows : rows_of_rank) {
    chunks.push_back(at::empty({own.size(0), rows, own.size(2), own.size(3)}, own.options()));
    blocks.push_back(whole_block(chunks.back()));
  }
  communicator.all_gather(whole_block(sent), blocks);
  return chunks;
}

at::Tensor gather_sequence(Communicator& communicator, const at::Tensor& own, std::int64_t seq_len) {
  std::vector<std::int64_t> rows_of_rank;
  for (int rank = 0; rank < communicator.world_size(); ++rank) {
    rows_of_rank.push_back(count(contiguous_positions(seq_len, rank, communicator.world_size())));
  }
  return at::cat(gather_chunks(communicator, own, rows_of_rank), 1);
}

}  // namespace ringattn::legacy
