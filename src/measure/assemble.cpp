#include "measure/assemble.h"

#include "config/error.h"

#include <ATen/ATen.h>

#include <algorithm>
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

/// Old implementations return all n rows on every rank.
bool every_rank_has_all(const std::vector<std::vector<std::int64_t>>& positions, std::int64_t seq_len) {
  return std::all_of(positions.begin(), positions.end(), [seq_len](const std::vector<std::int64_t>& rows) {
    return static_cast<std::int64_t>(rows.size()) == seq_len && rows.front() == 0 && rows.back() == seq_len - 1;
  });
}

/// The rows of a whole-sequence result that stand for the rank: its share of the contiguous split, so that each copy
/// counts.
Partial share_of(const Partial& whole, const std::vector<std::int64_t>& rows) {
  const at::Tensor index = at::tensor(rows, at::kLong).to(whole.out.device());
  return {whole.out.index_select(1, index), whole.lse.defined() ? whole.lse.index_select(2, index) : at::Tensor()};
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
  std::vector<Partial> shares(results.begin(), results.end());
  if (world_size > 1 && every_rank_has_all(positions, seq_len)) {
    for (std::size_t rank = 0; rank < positions.size(); ++rank) {
      positions[rank] = expand(contiguous_positions(seq_len, static_cast<int>(rank), world_size));
      shares[rank] = share_of(results[rank], positions[rank]);
    }
  }
  check_cover(positions, seq_len);

  const at::Tensor& first = results.front().out;
  Partial whole;
  whole.out = at::empty({first.size(0), seq_len, first.size(2), first.size(3)}, first.options());
  if (all_lse) whole.lse = at::empty({first.size(0), first.size(2), seq_len}, results.front().lse.options());
  for (std::size_t rank = 0; rank < positions.size(); ++rank) {
    const at::Tensor rows = at::tensor(positions[rank], at::kLong).to(first.device());
    whole.out.index_copy_(1, rows, shares[rank].out);
    if (all_lse) whole.lse.index_copy_(2, rows, shares[rank].lse);
  }
  return whole;
}

}  // namespace ringattn
