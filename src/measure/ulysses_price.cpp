#include "measure/ulysses_price.h"

#include "measure/backward_price.h"
#include "plan/backward_cost.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace ringattn {
namespace {

/// Sizes of one rank's exchanges.
class Exchanges {
 public:
  Exchanges(UlyssesRing& attention, int rank, const PriceShape& shape)
      : attention_(attention),
        shape_(shape),
        cost_(cost_shape(shape, attention.function())),
        rows_(attention.group_rows(rank)),
        place_(rank % attention.inner()) {}

  int places() const { return attention_.inner(); }
  int place() const { return place_; }
  std::int64_t own_rows() const { return rows_[static_cast<std::size_t>(place_)]; }
  std::int64_t rows_of(int place) const { return rows_[static_cast<std::size_t>(place)]; }
  std::int64_t all_rows() const { return std::accumulate(rows_.begin(), rows_.end(), std::int64_t{0}); }
  std::int64_t heads(int place) const { return attention_.heads(place).size(); }
  std::int64_t key_heads(int place) const { return attention_.key_heads(place).size(); }

  /// Rows of so many heads in the inputs' type; lse is one element of the state's type a row and head.
  std::int64_t tensor(std::int64_t rows, std::int64_t heads) const {
    return shape_.batch * rows * heads * shape_.head_dim * cost_.element_bytes;
  }
  std::int64_t lse(std::int64_t rows, std::int64_t heads) const {
    return has_lse() ? shape_.batch * rows * heads * cost_.state_bytes : 0;
  }
  std::int64_t mask(std::int64_t rows, std::int64_t heads) const {
    const AttentionFunction& function = attention_.function();
    const std::int64_t row = shape_.mask_batch * shape_.mask_bytes * rows;
    if (function.mask.kind == MaskKind::none) return 0;
    return function.mask.kind == MaskKind::keys ? row
                                                : row * function.seq_len * (function.mask.is_per_head ? heads : 1);
  }
  std::int64_t inputs(std::int64_t rows, int place) const {
    return tensor(rows, heads(place) + 2 * key_heads(place)) + mask(rows, heads(place));
  }

 private:
  bool has_lse() const { return attention_.ring(0).pattern().states == 1; }

  UlyssesRing& attention_;
  const PriceShape& shape_;
  CostShape cost_;
  std::vector<std::int64_t> rows_;
  int place_;
};

}  // namespace

UlyssesPrice price_ulysses(UlyssesRing& attention, int rank, const PriceShape& shape) {
  const Exchanges x(attention, rank, shape);
  const AttentionFunction& function = attention.function();
  RingAttention& ring = attention.ring(x.place());
  const int group = rank / attention.inner();
  PriceShape of_ring = shape;
  const Cost cost = cost_of(ring.plan(group), cost_shape(of_ring, ring.function()));
  UlyssesPrice price{.sent_bytes = cost.sent_bytes, .messages = cost.messages + 2 * (x.places() - 1)};
  for (int to = 0; to < x.places(); ++to) {
    if (to == x.place()) continue;
    price.sent_bytes += x.inputs(x.own_rows(), to);
    price.sent_bytes += x.tensor(x.rows_of(to), x.heads(x.place())) + x.lse(x.rows_of(to), x.heads(x.place()));
  }
  const std::int64_t all = x.all_rows(), own = x.heads(x.place());
  price.peak_bytes = std::max(x.inputs(all, x.place()) + price_peak(ring, group, of_ring).peak_bytes(),
                              x.tensor(all, own) + x.lse(all, own) + x.tensor(x.own_rows(), function.heads) +
                                  x.lse(x.own_rows(), function.heads));
  return price;
}

UlyssesPrice price_ulysses_backward(UlyssesRing& attention, int rank, const PriceShape& shape) {
  const Exchanges x(attention, rank, shape);
  const AttentionFunction& function = attention.function();
  RingAttention& ring = attention.ring(x.place());
  const int group = rank / attention.inner();
  const BackwardCost cost = backward_cost_of(ring.plan(group), ring.returns(group), cost_shape(shape, ring.function()));
  UlyssesPrice price{.sent_bytes = cost.sent_bytes, .messages = cost.messages + 2 * (x.places() - 1)};
  const std::int64_t own = x.heads(x.place()), own_keys = x.key_heads(x.place());
  for (int to = 0; to < x.places(); ++to) {
    if (to == x.place()) continue;
    price.sent_bytes +=
        x.inputs(x.own_rows(), to) + x.tensor(x.own_rows(), 2 * x.heads(to)) + x.lse(x.own_rows(), x.heads(to));
    price.sent_bytes += x.tensor(x.rows_of(to), own + 2 * own_keys);
  }
  const std::int64_t all = x.all_rows();
  std::int64_t shared = 0;  // of K and V that several ranks read, what each gives
  for (int place = 0; place < x.places(); ++place) shared += x.key_heads(place);
  const std::int64_t arriving = shared > function.key_heads() ? x.tensor(x.own_rows(), 2 * shared) : 0;
  price.peak_bytes = std::max(
      x.inputs(all, x.place()) + x.tensor(all, 2 * own) + x.lse(all, own) +
          price_backward_peak(ring, group, shape).peak_bytes(),
      x.tensor(all, own + 2 * own_keys) + x.tensor(x.own_rows(), function.heads + 2 * function.key_heads()) + arriving);
  return price;
}

}  // namespace ringattn
