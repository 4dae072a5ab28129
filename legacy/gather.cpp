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

namespace {

/// Rows of (batch, n, heads, dim), contiguous, as blocks: one a batch index.
std::vector<Block> blocks_of_rows(const at::Tensor& whole, std::int64_t first, std::int64_t rows) {
  std::vector<Block> blocks;
  for (std::int64_t batch = 0; batch < whole.size(0) && rows > 0; ++batch)
    blocks.push_back(whole_block(whole.select(0, batch).narrow(0, first, rows)));
  return blocks;
}

struct Share {
  std::int64_t first = 0, rows = 0;
};

Share share_of(const Communicator& communicator, int rank, std::int64_t seq_len) {
  const Positions own = contiguous_positions(seq_len, rank, communicator.world_size());
  return {own.empty() ? 0 : own.front().first, count(own)};
}

}  // namespace

std::vector<at::Tensor> scatter_sums(Communicator& communicator, const std::vector<at::Tensor>& wholes) {
  const int k = communicator.world_size(), rank = communicator.rank();
  const std::int64_t n = wholes.front().size(1);
  const Share own = share_of(communicator, rank, n);
  std::vector<at::Tensor> sent, sums, received;
  for (const at::Tensor& whole : wholes) {
    sent.push_back(whole.contiguous());
    sums.push_back(sent.back().narrow(1, own.first, own.rows).clone());
    received.push_back(at::empty_like(sums.back()));
  }
  for (int hop = 1; hop < k; ++hop) {
    const int next = (rank + hop) % k, previous = (rank + k - hop) % k;
    const Share theirs = share_of(communicator, next, n);
    Message leaves{next, {}}, arrives{previous, {}};
    for (std::size_t i = 0; i < wholes.size(); ++i) {
      const std::vector<Block> out = blocks_of_rows(sent[i], theirs.first, theirs.rows);
      const std::vector<Block> in = blocks_of_rows(received[i], 0, own.rows);
      leaves.blocks.insert(leaves.blocks.end(), out.begin(), out.end());
      arrives.blocks.insert(arrives.blocks.end(), in.begin(), in.end());
    }
    const Ticket ticket = communicator.post({.hop = hop - 1, .sends = {leaves}, .receives = {arrives}});
    communicator.wait_received(ticket);
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i].add_(received[i]);
    communicator.wait_sent(ticket);
  }
  return sums;
}

}  // namespace ringattn::legacy
