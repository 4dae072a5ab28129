#include "measure/assemble.h"

#include "config/error.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <string>
#include <vector>

namespace ringattn {
namespace {

/// Which positions each rank's rows have.
using RankRows = std::vector<std::vector<std::int64_t>>;

/// Every position of [0, n) must be owned by exactly one rank.
void check_cover(const RankRows& positions, std::int64_t seq_len) {
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
bool every_rank_has_all(const RankRows& positions, std::int64_t seq_len) {
  return std::all_of(positions.begin(), positions.end(), [seq_len](const std::vector<std::int64_t>& rows) {
    return static_cast<std::int64_t>(rows.size()) == seq_len && rows.front() == 0 && rows.back() == seq_len - 1;
  });
}

/// Puts tensors of the ranks together, row by row.
class Assembly {
 public:
  Assembly(RankRows positions, std::int64_t seq_len) : seq_len_(seq_len), positions_(std::move(positions)) {
    is_whole_ = positions_.size() > 1 && every_rank_has_all(positions_, seq_len);
    for (std::size_t rank = 0; is_whole_ && rank < positions_.size(); ++rank)
      positions_[rank] =
          expand(contiguous_positions(seq_len, static_cast<int>(rank), static_cast<int>(positions_.size())));
    check_cover(positions_, seq_len);
  }

  /// `part(rank)`: the rank's tensor, whose dimension `dim` runs over its rows.
  template <typename Part>
  at::Tensor of(std::int64_t dim, const Part& part) const {
    std::vector<std::int64_t> sizes = part(0).sizes().vec();
    sizes[static_cast<std::size_t>(dim)] = seq_len_;
    at::Tensor whole = at::empty(sizes, part(0).options());
    for (std::size_t rank = 0; rank < positions_.size(); ++rank) {
      const at::Tensor rows = at::tensor(positions_[rank], at::kLong).to(whole.device());
      // Each copy of a whole result stands for the rank's share of the contiguous split, so that each counts.
      whole.index_copy_(dim, rows, is_whole_ ? part(rank).index_select(dim, rows) : part(rank));
    }
    return whole;
  }

  /// The same of derivatives.
  template <typename Part>
  at::Tensor of_derivatives(const Part& part) const {
    if (!is_whole_) return of(1, part);
    at::Tensor sum = part(0).to(at::kDouble);
    for (std::size_t rank = 1; rank < positions_.size(); ++rank) sum = sum + part(rank);
    return sum.to(part(0).scalar_type());
  }

 private:
  std::int64_t seq_len_;
  RankRows positions_;
  bool is_whole_ = false;
};

}  // namespace

Partial assemble(const Attention& attention, std::span<const Partial> results) {
  const auto world_size = static_cast<int>(results.size());
  RankRows positions;
  bool all_lse = world_size > 0;
  for (int rank = 0; rank < world_size; ++rank) {
    positions.push_back(expand(attention.query_positions(rank, world_size)));
    all_lse = all_lse && results[static_cast<std::size_t>(rank)].lse.defined();
  }
  const Assembly rows(std::move(positions), attention.function().seq_len);
  Partial whole;
  whole.out = rows.of(1, [&](std::size_t rank) { return results[rank].out; });
  if (all_lse) whole.lse = rows.of(2, [&](std::size_t rank) { return results[rank].lse; });
  return whole;
}

Gradients assemble(const Attention& attention, std::span<const Gradients> results) {
  const auto world_size = static_cast<int>(results.size());
  RankRows query_positions, key_positions;
  for (int rank = 0; rank < world_size; ++rank) {
    query_positions.push_back(expand(attention.query_positions(rank, world_size)));
    key_positions.push_back(expand(attention.key_positions(rank, world_size)));
  }
  const Assembly queries(std::move(query_positions), attention.function().seq_len);
  const Assembly keys(std::move(key_positions), attention.function().seq_len);
  return {queries.of_derivatives([&](std::size_t rank) { return results[rank].query; }),
          keys.of_derivatives([&](std::size_t rank) { return results[rank].key; }),
          keys.of_derivatives([&](std::size_t rank) { return results[rank].value; })};
}

}  // namespace ringattn
