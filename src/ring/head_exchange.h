#pragma once

#include "comm/communicator.h"
#include "pattern/head_groups.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

namespace ringattn {

/// The hops under which the exchanges of heads against rows are counted; no ring has as many, and no sum over ranks.
inline constexpr int heads_out_hop = (1 << 21);
inline constexpr int heads_home_hop = (1 << 21) + 1;

/// Ranks that hold different rows of one sequence, and are to hold different heads of all those rows: an all-to-all of
/// blocks, in both directions. One message to each other rank, whatever the number of tensors.
class HeadExchange {
 public:
  /// `rows`: how many each rank of the communicator holds.
  HeadExchange(Communicator& communicator, std::vector<std::int64_t> rows);

  std::int64_t total_rows() const { return total_rows_; }

  /// A tensor with heads and rows among its dimensions. Heads of dimension `head_dim` are parted as `heads` says, a
  /// range for each rank, which may overlap; no ranges: every rank gets all of it.
  struct Part {
    at::Tensor own;
    int row_dim = 1;
    int head_dim = 2;
    std::vector<HeadRange> heads{};
  };
  /// own: all heads of the own rows. Returns own heads of all rows, ranks' rows one after the other. Collective.
  std::vector<at::Tensor> to_heads(std::span<const Part> parts);
  /// own: own heads of all rows. Returns all heads of the own rows. Where ranges overlap, the sum of what the ranks
  /// that have the head give, in rank order. Collective.
  std::vector<at::Tensor> to_rows(std::span<const Part> parts);

 private:
  std::int64_t begin_of(int rank) const;

  Communicator& communicator_;
  std::vector<std::int64_t> rows_;
  std::int64_t total_rows_ = 0;
};

}  // namespace ringattn
