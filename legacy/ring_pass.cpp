#include "legacy/ring_pass.h"

#include "legacy/autograd.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace ringattn::legacy {
namespace {

std::vector<Block> blocks_of(const std::vector<at::Tensor>& tensors) {
  std::vector<Block> blocks;
  for (const at::Tensor& tensor : tensors) {
    if (tensor.numel() > 0) blocks.push_back(whole_block(tensor));
  }
  return blocks;
}

std::vector<at::Tensor> contiguous(const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> result;
  for (const at::Tensor& tensor : tensors) result.push_back(tensor.contiguous());
  return result;
}

/// What autograd takes for the tensors that were held before.
std::vector<at::Tensor> taken_for(const std::vector<at::Tensor>& held, const std::vector<at::Tensor>& received) {
  std::vector<at::Tensor> taken;
  for (std::size_t i = 0; i < held.size(); ++i) taken.push_back(received_into_copy(held[i], received[i]));
  return taken;
}

/// The tensors that were held, in whose memory the others stand now.
std::vector<at::Tensor> overwritten(const std::vector<at::Tensor>& held, const std::vector<at::Tensor>& received) {
  for (std::size_t i = 0; i < held.size(); ++i) held[i].variable_data().copy_(received[i]);
  return held;
}

void visit_used_chunks(Communicator& communicator, const std::vector<at::Tensor>& own, std::int64_t ring_size,
                       const RingOptions& options, const RingVisit& visit) {
  std::vector<std::vector<at::Tensor>> gathered;
  for (const at::Tensor& tensor : own) gathered.push_back(all_gather(communicator, tensor));
  for (std::int64_t step = 0; step < ring_size; ++step) {
    RingStep now{step, (communicator.rank() - step + ring_size) % ring_size, {}};
    const auto used = static_cast<std::size_t>(options.used_chunks.at(static_cast<std::size_t>(step)));
    for (const auto& chunks : gathered) now.tensors.push_back(chunks.at(used));
    if (step == 0 && static_cast<int>(used) == communicator.rank()) now.tensors = own;  // with their graph
    if (options.is_one_buffer && step > 0) now.tensors = taken_for(own, now.tensors);
    visit(now);
  }
}

}  // namespace

std::int64_t Chunks::first(std::int64_t chunk) const { return std::min(chunk * size(), seq_len); }

std::int64_t Chunks::rows(std::int64_t chunk) const { return std::min((chunk + 1) * size(), seq_len) - first(chunk); }

at::Tensor chunk_of(const at::Tensor& whole, const Chunks& chunks, std::int64_t chunk) {
  return whole.narrow(1, chunks.first(chunk), chunks.rows(chunk));
}

at::Tensor pad_rows(const at::Tensor& rows, std::int64_t size) {
  std::vector<std::int64_t> shape = rows.sizes().vec();
  shape.at(1) = size;
  at::Tensor padded = at::zeros(shape, rows.options());
  padded.narrow(1, 0, rows.size(1)).copy_(rows);
  return padded;
}

Block whole_block(const at::Tensor& tensor) {
  if (tensor.numel() == 0) return {};
  const std::int64_t rows = tensor.size(0) * tensor.size(1);
  const std::int64_t row_bytes = tensor.numel() / rows * tensor.element_size();
  return {static_cast<std::byte*>(tensor.data_ptr()), rows, row_bytes, row_bytes};
}

at::Tensor padded_chunk(const at::Tensor& whole, const Chunks& chunks, std::int64_t chunk) {
  return pad_rows(chunk_of(whole, chunks, chunk), chunks.size());
}

std::vector<at::Tensor> all_gather(Communicator& communicator, const at::Tensor& own) {
  const at::Tensor sent = own.contiguous();
  std::vector<at::Tensor> gathered;
  std::vector<Block> blocks;
  for (int rank = 0; rank < communicator.world_size(); ++rank) {
    gathered.push_back(at::empty_like(sent));
    blocks.push_back(whole_block(gathered.back()));
  }
  communicator.all_gather(whole_block(sent), blocks);
  return gathered;
}

std::vector<at::Tensor> pass_on(Communicator& communicator, const std::vector<at::Tensor>& held, int ring_size,
                                int hop) {
  std::vector<at::Tensor> received;
  for (const at::Tensor& tensor : held) received.push_back(at::empty_like(tensor));
  const int next = (communicator.rank() + 1) % ring_size;
  const int previous = (communicator.rank() + ring_size - 1) % ring_size;
  const Ticket ticket = communicator.post(
      {.hop = hop, .sends = {{next, blocks_of(held)}}, .receives = {{previous, blocks_of(received)}}});
  communicator.wait_received(ticket);
  communicator.wait_sent(ticket);
  return received;
}

void ring_pass(Communicator& communicator, const std::vector<at::Tensor>& own, const RingOptions& options,
               const RingVisit& visit) {
  const std::int64_t ring_size = options.ring_size == 0 ? communicator.world_size() : options.ring_size;
  if (!options.used_chunks.empty()) {
    visit_used_chunks(communicator, own, ring_size, options, visit);
    return;
  }
  RingStep now{0, communicator.rank(), contiguous(own)};
  visit(now);
  while (++now.step < ring_size) {
    const int hop = options.first_hop + static_cast<int>(now.step) - 1;
    std::vector<at::Tensor> received = pass_on(communicator, now.tensors, static_cast<int>(ring_size), hop);
    now.tensors = options.is_one_buffer                   ? taken_for(now.tensors, received)
                  : options.reuses_buffer && now.step > 1 ? overwritten(now.tensors, received)
                                                          : std::move(received);
    now.source = (communicator.rank() - now.step + ring_size) % ring_size;
    visit(now);
  }
}

}  // namespace ringattn::legacy
