#include "measure/assemble.h"

#include "config/error.h"

#include <ATen/ATen.h>

#include <string>
#include <vector>

namespace ringattn {
namespace {

/// Every position of [0, n) must be owned by exactly one rank.
void check_cover(const std::vector<std::vector<std::int64_t>>& positions, std::int64_t seq_len) {
  std::vector<int> owner(static_cast<std::size_t>(seq_len), -1);
  for (std::size_t rank = 0; rank < positions.size(); ++rank) {
    const std::string who = "rank " + std::to_string(rank) + ": result row at position ";
    for (const std::int64_t position : positions[rank]) {
      if (position < 0 || position >= seq_len) {
        throw RuntimeFailure(who + std::to_string(position) + ", must be within 0 … " + std::to_string(seq_len - 1));
      }
      int& its_owner = owner[static_cast<std::size_t>(position)];
      if (its_owner >= 0)
        throw RuntimeFailure(who + std::to_string(position) + ", which rank " + std::to_string(its_owner) + " has too");
      its_owner = static_cast<int>(rank);
    }
  }
  for (std::int64_t position = 0; position < seq_len; ++position) {
    if (owner[static_cast<std::size_t>(position)] < 0)
      throw RuntimeFailure("no rank has the result row at position " + std::to_string(position));
  }
}

}  // namespace

Partial assemble(const Attention& attention, std::span<const Partial> results) {
  const std::int64_t seq_len = attention.function().seq_len;
  const auto world_size = static_cast<int>(results.size());
  std::vector<std::vector<std::int64_t>> positions;
  bool all_lse = world_size > 0;
  for (int rank = 0; rank < world_size; ++rank) {
    positions.push_back(expand(attention.query_positions(rank, world_size)));
    all_lse = all_lse && results[static_cast<std::size_t>(rank)].lse.defined();
  }
  check_cover(positions, seq_len);

  const at::Tensor& first = results.front().out;
  Partial whole;
  whole.out = at::empty({first.size(0), seq_len, first.size(2), first.size(3)}, first.options());
  if (all_lse) whole.lse = at::empty({first.size(0), first.size(2), seq_len}, results.front().lse.options());
  for (std::size_t rank = 0; rank < positions.size(); ++rank) {
    const at::Tensor rows = at::tensor(positions[rank], at::kLong).to(first.device());
    whole.out.index_copy_(1, rows, results[rank].out);
    if (all_lse) whole.lse.index_copy_(2, rows, results[rank].lse);
  }
  return whole;
}

}  // namespace ringattn
