#include "ring/head_exchange.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace ringattn {
namespace {

using Part = HeadExchange::Part;

/// The rows of a tensor as blocks of bytes, in one order at both ends: outer dimensions as they come, then rows; what
/// lies behind the last of the dimensions that `part` names is one run of bytes where it is contiguous.
void add_tensor(std::vector<Block>& blocks, const at::Tensor& tensor, int row_dim) {
  if (tensor.numel() == 0) return;
  const std::int64_t bytes = tensor.element_size();
  auto* base = static_cast<std::byte*>(tensor.data_ptr());
  // The elements of one row that lie side by side: the last dimension, unless rows are that.
  const bool rows_are_last = row_dim == tensor.dim() - 1;
  const std::int64_t run = rows_are_last ? 1 : tensor.size(-1);
  std::vector<std::int64_t> outer;
  for (int d = 0; d < tensor.dim(); ++d) {
    if (d != row_dim && !(d == tensor.dim() - 1 && !rows_are_last)) outer.push_back(d);
  }
  std::vector<std::int64_t> index(outer.size(), 0);
  while (true) {
    std::int64_t offset = 0;
    for (std::size_t i = 0; i < outer.size(); ++i) offset += index[i] * tensor.stride(outer[i]);
    blocks.push_back({base + offset * bytes, tensor.size(row_dim), tensor.stride(row_dim) * bytes, run * bytes});
    std::size_t i = outer.size();
    while (i > 0 && ++index[i - 1] == tensor.size(outer[i - 1])) index[--i] = 0;
    if (i == 0) return;
  }
}

at::Tensor last_contiguous(const at::Tensor& tensor, int row_dim) {
  return row_dim == tensor.dim() - 1 || tensor.stride(-1) == 1 ? tensor : tensor.contiguous();
}

at::Tensor heads_of(const at::Tensor& tensor, const Part& part, int rank) {
  if (part.heads.empty()) return tensor;
  const HeadRange& heads = part.heads[static_cast<std::size_t>(rank)];
  return tensor.narrow(part.head_dim, heads.begin, heads.size());
}

bool overlap(const std::vector<HeadRange>& heads) {
  for (std::size_t i = 1; i < heads.size(); ++i) {
    if (heads[i].begin < heads[i - 1].end) return true;
  }
  return false;
}

}  // namespace

HeadExchange::HeadExchange(Communicator& communicator, std::vector<std::int64_t> rows)
    : communicator_(communicator),
      rows_(std::move(rows)),
      total_rows_(std::accumulate(rows_.begin(), rows_.end(), std::int64_t{0})) {}

std::int64_t HeadExchange::begin_of(int rank) const {
  return std::accumulate(rows_.begin(), rows_.begin() + rank, std::int64_t{0});
}

std::vector<at::Tensor> HeadExchange::to_heads(std::span<const Part> parts) {
  const int own = communicator_.rank(), count = communicator_.world_size();
  std::vector<Part> sources(parts.begin(), parts.end());
  std::vector<at::Tensor> results;
  for (Part& part : sources) {
    part.own = last_contiguous(part.own, part.row_dim);
    std::vector<std::int64_t> sizes = heads_of(part.own, part, own).sizes().vec();
    sizes[static_cast<std::size_t>(part.row_dim)] = total_rows_;
    results.push_back(at::empty(sizes, part.own.options()));
  }
  Exchange exchange{.hop = heads_out_hop, .sends = {}, .receives = {}};
  const auto rows_from = [&](std::size_t i, int rank) {
    return results[i].narrow(sources[i].row_dim, begin_of(rank), rows_[static_cast<std::size_t>(rank)]);
  };
  for (int step = 1; step < count; ++step) {
    const int to = (own + step) % count, from = (own - step + count) % count;
    Message& send = exchange.sends.emplace_back(Message{to, {}});
    Message& receive = exchange.receives.emplace_back(Message{from, {}});
    for (std::size_t i = 0; i < sources.size(); ++i) {
      add_tensor(send.blocks, heads_of(sources[i].own, sources[i], to), sources[i].row_dim);
      add_tensor(receive.blocks, rows_from(i, from), sources[i].row_dim);
    }
  }
  const Ticket ticket = communicator_.post(std::move(exchange));
  for (std::size_t i = 0; i < sources.size(); ++i) rows_from(i, own).copy_(heads_of(sources[i].own, sources[i], own));
  communicator_.wait_received(ticket);
  communicator_.wait_sent(ticket);
  return results;
}

std::vector<at::Tensor> HeadExchange::to_rows(std::span<const Part> parts) {
  const int own = communicator_.rank(), count = communicator_.world_size();
  std::vector<Part> sources(parts.begin(), parts.end());
  std::vector<at::Tensor> results;                // all heads of the own rows
  std::vector<std::vector<at::Tensor>> arriving;  // [part][rank]: where that rank's heads go
  for (Part& part : sources) {
    part.own = last_contiguous(part.own, part.row_dim);
    std::vector<std::int64_t> sizes = part.own.sizes().vec();
    sizes[static_cast<std::size_t>(part.row_dim)] = rows_[static_cast<std::size_t>(own)];
    std::int64_t heads = 0;
    for (const HeadRange& range : part.heads) heads = std::max(heads, range.end);
    sizes[static_cast<std::size_t>(part.head_dim)] = heads;
    const bool is_summed = overlap(part.heads);
    results.push_back(is_summed ? at::zeros(sizes, part.own.options()) : at::empty(sizes, part.own.options()));
    std::vector<at::Tensor>& places = arriving.emplace_back();
    for (int rank = 0; rank < count; ++rank) {
      const at::Tensor place = heads_of(results.back(), part, rank);
      places.push_back(is_summed ? at::empty(place.sizes(), place.options()) : place);
    }
  }
  Exchange exchange{.hop = heads_home_hop, .sends = {}, .receives = {}};
  const auto rows_for = [&](std::size_t i, int rank) {
    return sources[i].own.narrow(sources[i].row_dim, begin_of(rank), rows_[static_cast<std::size_t>(rank)]);
  };
  for (int step = 1; step < count; ++step) {
    const int to = (own + step) % count, from = (own - step + count) % count;
    Message& send = exchange.sends.emplace_back(Message{to, {}});
    Message& receive = exchange.receives.emplace_back(Message{from, {}});
    for (std::size_t i = 0; i < sources.size(); ++i) {
      add_tensor(send.blocks, rows_for(i, to), sources[i].row_dim);
      add_tensor(receive.blocks, arriving[i][static_cast<std::size_t>(from)], sources[i].row_dim);
    }
  }
  const Ticket ticket = communicator_.post(std::move(exchange));
  for (std::size_t i = 0; i < sources.size(); ++i) arriving[i][static_cast<std::size_t>(own)].copy_(rows_for(i, own));
  communicator_.wait_received(ticket);
  communicator_.wait_sent(ticket);
  for (std::size_t i = 0; i < sources.size(); ++i) {
    if (!overlap(sources[i].heads)) continue;
    for (int rank = 0; rank < count; ++rank)
      heads_of(results[i], sources[i], rank).add_(arriving[i][static_cast<std::size_t>(rank)]);
  }
  return results;
}

}  // namespace ringattn
