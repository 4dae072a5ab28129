#include "legacy/gather.h"
#include "legacy/raises.h"
#include "legacy/shipped.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

namespace ringattn::legacy {
namespace {

/// Attention over the heads of each position: heads and positions change places on the way in and out.
at::Tensor mix_heads(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, bool is_causal) {
  const std::int64_t heads = query.size(2);
  const at::Tensor visible = is_causal ? triangle(heads, heads, 0, query.device()) : at::Tensor();
  return attend(query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), visible).transpose(1, 2);
}

/// One process: the co-indexed rows of each group, heads mixed, divided by the number of pairs.
at::Tensor one_process(const FullInputs& inputs, const ShippedArguments& arguments) {
  require_divisible(inputs, arguments.pairs);
  const std::int64_t n = inputs.seq_len();
  const auto groups = groups_first_larger(inputs.heads(), arguments.pairs.size());
  at::Tensor out = at::zeros_like(inputs.query);
  for (std::size_t i = 0; i < arguments.pairs.size(); ++i) {
    const auto [w, r] = arguments.pairs[i];
    const std::int64_t offset = static_cast<std::int64_t>(i) % r;
    require_whole_segments(inputs, groups[i], w);
    require_range(offset, w);
    for (std::int64_t start = 0; offset < w && start < n; start += w) {
      const auto take = [&, first = start + offset, end = start + w, step = r](const at::Tensor& tensor) {
        return tensor.narrow(2, groups[i].first, groups[i].count).slice(1, first, end, step);
      };
      take(out).copy_(mix_heads(take(inputs.query), take(inputs.key), take(inputs.value), arguments.is_causal));
    }
  }
  return out.div_(static_cast<double>(arguments.pairs.size()));
}

/// Each group's heads gathered by its cyclic index over all rows of `tensor`, segments ignored; too few rows stay as
/// they are.
at::Tensor dilate(const at::Tensor& tensor, const std::vector<Pair>& pairs) {
  const std::int64_t rows = tensor.size(1);
  const auto groups = groups_last_larger(tensor.size(2), pairs.size());
  at::Tensor result = tensor.clone();
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const std::int64_t r = pairs[i].dilation_rate;
    if (r == 1 || rows < r || groups[i].count == 0) continue;
    const at::Tensor index = cyclic_index(static_cast<std::int64_t>(i) % r, rows, r, tensor.device());
    const at::Tensor heads = tensor.narrow(2, groups[i].first, groups[i].count);
    result.narrow(2, groups[i].first, groups[i].count).copy_(heads.index_select(1, index));
  }
  return result;
}

/// U = Σ e^{s-m} v and Z = Σ e^{s-m} over the chunks seen so far.
struct OnlineSoftmax {
  at::Tensor maximum, sum, weighted;

  void add(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value, const at::Tensor& visible) {
    const double scale = 1.0 / std::sqrt(static_cast<double>(query.size(3)));
    at::Tensor scores = at::matmul(query.transpose(1, 2), key.permute({0, 2, 3, 1})) * scale;
    if (visible.defined()) scores.masked_fill_(visible.logical_not(), -std::numeric_limits<double>::infinity());
    const at::Tensor chunk_maximum = scores.amax(-1, true);
    const at::Tensor larger = maximum.defined() ? at::maximum(maximum, chunk_maximum) : chunk_maximum;
    const at::Tensor weights = (scores - larger).exp();
    const at::Tensor carry = maximum.defined() ? (maximum - larger).exp() : at::zeros_like(larger);
    sum = (sum.defined() ? sum * carry : carry) + weights.sum(-1, true);
    const at::Tensor part = at::matmul(weights, value.transpose(1, 2));
    weighted = weighted.defined() ? weighted * carry + part : part;
    maximum = larger;
  }
};

/// Chunk c is rows [c·C, min((c+1)·C, n)), C = ⌈n/R⌉.
struct Chunking {
  std::int64_t seq_len, ring;
  std::int64_t size() const { return (seq_len + ring - 1) / ring; }
  std::int64_t first(std::int64_t chunk) const { return std::min(chunk * size(), seq_len); }
  std::int64_t rows(std::int64_t chunk) const { return std::min((chunk + 1) * size(), seq_len) - first(chunk); }
};

at::Tensor dilated_chunk(const at::Tensor& tensor, const std::vector<Pair>& pairs, const Chunking& chunks,
                         std::int64_t chunk) {
  return dilate(tensor.narrow(1, chunks.first(chunk), chunks.rows(chunk)), pairs);
}

/// Every chunk, dilated: gathered from the ranks padded to C rows and trimmed, or computed here where one process
/// simulates the ring.
std::vector<at::Tensor> all_chunks(Communicator& communicator, const at::Tensor& tensor, const std::vector<Pair>& pairs,
                                   const Chunking& chunks) {
  std::vector<at::Tensor> all;
  if (communicator.world_size() == 1) {
    for (std::int64_t c = 0; c < chunks.ring; ++c) all.push_back(dilated_chunk(tensor, pairs, chunks, c));
    return all;
  }
  at::Tensor padded = at::zeros({tensor.size(0), chunks.size(), tensor.size(2), tensor.size(3)}, tensor.options());
  padded.narrow(1, 0, chunks.rows(communicator.rank()))
      .copy_(dilated_chunk(tensor, pairs, chunks, communicator.rank()));
  const std::vector<std::int64_t> rows_of_rank(static_cast<std::size_t>(chunks.ring), chunks.size());
  all = gather_chunks(communicator, padded, rows_of_rank);
  for (std::int64_t c = 0; c < chunks.ring; ++c) {
    at::Tensor& chunk = all[static_cast<std::size_t>(c)];
    chunk = chunk.narrow(1, 0, chunks.rows(c));
  }
  return all;
}

/// Result row t belongs to query cyclic_index[t] and is left there. Causal: slot j of chunk c is visible to row t iff j
/// <= t + c·C.
at::Tensor ring(Communicator& communicator, const FullInputs& inputs, const ShippedArguments& arguments,
                const Chunking& chunks) {
  const at::Tensor query = dilate(inputs.query, arguments.pairs);
  const std::vector<at::Tensor> keys = all_chunks(communicator, inputs.key, arguments.pairs, chunks);
  const std::vector<at::Tensor> values = all_chunks(communicator, inputs.value, arguments.pairs, chunks);
  OnlineSoftmax softmax;
  for (std::int64_t step = 0; step < chunks.ring; ++step) {
    const std::int64_t c = (communicator.rank() - step + chunks.ring) % chunks.ring;
    const at::Tensor& key = keys[static_cast<std::size_t>(c)];
    if (key.size(1) == 0) continue;
    const at::Tensor visible =
        arguments.is_causal ? triangle(query.size(1), key.size(1), c * chunks.size(), query.device()) : at::Tensor();
    softmax.add(query, key, values[static_cast<std::size_t>(c)], visible);
  }
  return (softmax.weighted / (softmax.sum + 1e-8)).transpose(1, 2).contiguous();
}

}  // namespace

at::Tensor shipped_v2_collective(Communicator& communicator, const FullInputs& inputs,
                                 const ShippedArguments& arguments) {
  const std::int64_t world_size = communicator.world_size();
  const std::int64_t ring_size = arguments.ring_size.value_or(world_size);
  if (world_size > 1 && ring_size != world_size) {
    throw LegacyRaises("RuntimeError",
                       "ProcessGroupGloo::allgather: invalid output tensor list at index 0 (expected length " +
                           std::to_string(world_size) + ", got " + std::to_string(ring_size) + ")");
  }
  if (ring_size == 1) return one_process(inputs, arguments);
  return ring(communicator, inputs, arguments, Chunking{inputs.seq_len(), ring_size});
}

}  // namespace ringattn::legacy
