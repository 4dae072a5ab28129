#include "ring/ulysses_ring.h"

#include "comm/observed_communicator.h"
#include "comm/sub_communicator.h"
#include "config/error.h"
#include "pattern/head_slice.h"
#include "plan/choose_layout.h"
#include "ring/head_exchange.h"

#include <ATen/ATen.h>
#include <ATen/core/LegacyTypeDispatch.h>
#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace ringattn {
namespace {

void check_sizes(const AttentionFunction& function, int world_size, int inner) {
  const auto refuse = [&](const std::string& why) {
    throw UsageError(fmt::format("sequence_parallel_size: {} {}", inner, why));
  };
  if (inner < 1 || world_size % inner != 0) refuse(fmt::format("must divide the {} ranks of a ring", world_size));
  if (function.heads % inner != 0) refuse(fmt::format("must divide the {} heads", function.heads));
  const std::int64_t key_heads = function.key_heads();
  if (key_heads % inner != 0 && inner % key_heads != 0)
    refuse(fmt::format("must divide the {} key heads, or be a multiple of them", key_heads));
}

/// `auto` as the whole pattern has it: slices of heads might choose differently, and rows have one owner.
RingAttentionConfig with_one_layout(RingAttentionConfig config, const Pattern& whole, int outer) {
  if (config.layout != Layout::automatic) return config;
  switch (layout_for(config, whole, outer).kind) {
    case LayoutKind::contiguous:
      config.layout = Layout::contiguous;
      break;
    case LayoutKind::zigzag:
      config.layout = Layout::zigzag;
      break;
    case LayoutKind::striped:
      config.layout = Layout::striped;
      break;
    case LayoutKind::hilbert:
      config.layout = Layout::hilbert;
      break;
  }
  return config;
}

/// The rows [begin, end) of these, in their order.
Positions slice(const Positions& positions, std::int64_t begin, std::int64_t end) {
  Positions part;
  std::int64_t first = 0;
  for (const PositionRun& run : positions) {
    const std::int64_t from = std::max(begin, first) - first, to = std::min(end, first + run.count) - first;
    if (from < to) part.push_back({run.first + from * run.step, to - from, run.step});
    first += run.count;
  }
  return part;
}

std::vector<std::int64_t> group_sums(const std::vector<std::int64_t>& rows, int inner) {
  std::vector<std::int64_t> sums(rows.size() / static_cast<std::size_t>(inner));
  for (std::size_t i = 0; i < rows.size(); ++i) sums[i / static_cast<std::size_t>(inner)] += rows[i];
  return sums;
}

/// The two groups of one rank, and exchanges of heads in the inner one, each counted in the rank's record.
class Groups {
 public:
  /// `rows` of each rank of the inner group.
  Groups(Communicator& communicator, int inner_size, std::vector<std::int64_t> rows, CallRecord& record)
      : inner_(communicator, group_of(communicator.rank(), communicator.world_size(), inner_size, false)),
        outer_(communicator,
               group_of(communicator.rank(), communicator.world_size(), communicator.world_size() / inner_size, true)),
        rows_(std::move(rows)),
        record_(record) {}

  int place() const { return inner_.rank(); }
  Communicator& outer() { return outer_; }
  std::vector<at::Tensor> to_heads(const std::vector<HeadExchange::Part>& parts) {
    // Gone before the ring is counted, whose faults it would count, too.
    ObservedCommunicator observed(inner_, record_.statistics, nullptr);
    return HeadExchange(observed, rows_).to_heads(parts);
  }
  std::vector<at::Tensor> to_rows(const std::vector<HeadExchange::Part>& parts) {
    ObservedCommunicator observed(inner_, record_.statistics, nullptr);
    return HeadExchange(observed, rows_).to_rows(parts);
  }

 private:
  SubCommunicator inner_;
  SubCommunicator outer_;
  std::vector<std::int64_t> rows_;
  CallRecord& record_;
};

}  // namespace

UlyssesRing::UlyssesRing(const RingAttentionConfig& config, const Problem& problem, int world_size, int inner,
                         std::optional<std::vector<std::int64_t>> shard_rows)
    : Attention(resolve_function(config, problem)),
      world_size_(world_size),
      inner_(inner),
      recovery_(recovery_policy(config)),
      shard_rows_(std::move(shard_rows)) {
  check_sizes(function(), world_size, inner);
  const Pattern whole = make_pattern(function());
  const RingAttentionConfig same = shard_rows_ ? config : with_one_layout(config, whole, outer());
  for (std::int64_t place = 0; place < inner; ++place) {
    const HeadRange own{function().heads * place / inner, function().heads * (place + 1) / inner};
    heads_.push_back(own);
    key_heads_.push_back(sliced_key_heads(function(), own));
    std::optional<std::vector<std::int64_t>> sums;
    if (shard_rows_) sums = group_sums(*shard_rows_, inner);
    rings_.push_back(std::make_unique<RingAttention>(same, slice_heads(whole, own), outer(), std::move(sums)));
    rings_.back()->record_in(records_, inner, static_cast<int>(place));
  }
}

void UlyssesRing::record_in(const std::shared_ptr<CallRecords>& records) {
  records_ = records;
  for (int place = 0; place < inner_; ++place) ring(place).record_in(records, inner_, place);
}

std::vector<std::int64_t> UlyssesRing::group_rows(int rank) const {
  const int group = rank / inner_;
  std::vector<std::int64_t> rows;
  const std::int64_t all = rings_.front()->layout().local_rows(group);
  for (std::int64_t place = 0; place < inner_; ++place)
    rows.push_back(shard_rows_ ? (*shard_rows_)[static_cast<std::size_t>(group * inner_ + place)]
                               : all * (place + 1) / inner_ - all * place / inner_);
  return rows;
}

Positions UlyssesRing::do_query_positions(int rank, int world_size) const {
  if (world_size != world_size_)
    throw UsageError(
        fmt::format("world_size: {} ranks, but this attention was planned for {}", world_size, world_size_));
  const std::vector<std::int64_t> rows = group_rows(rank);
  const std::int64_t begin = std::accumulate(rows.begin(), rows.begin() + rank % inner_, std::int64_t{0});
  return slice(rings_.front()->layout().positions(rank / inner_), begin,
               begin + rows[static_cast<std::size_t>(rank % inner_)]);
}

namespace {

/// A mask goes along with its rows: of keys whole, of scores with the heads where it has any.
void add_mask(std::vector<HeadExchange::Part>& parts, const RankInputs& inputs, const std::vector<HeadRange>& heads) {
  if (!inputs.mask.defined()) return;
  const bool is_of_keys = inputs.mask.dim() == 2;
  HeadExchange::Part part{.own = inputs.mask, .row_dim = is_of_keys ? 1 : 2, .head_dim = 1};
  if (!is_of_keys && inputs.mask.size(1) > 1) part.heads = heads;
  parts.push_back(std::move(part));
}

}  // namespace

std::vector<HeadExchange::Part> UlyssesRing::parts_of(const at::Tensor& query, const at::Tensor& key,
                                                      const at::Tensor& value) const {
  return {{.own = query, .heads = heads_}, {.own = key, .heads = key_heads_}, {.own = value, .heads = key_heads_}};
}

Partial UlyssesRing::do_forward(Communicator& communicator, const RankInputs& inputs) {
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  communicator.set_recovery(recovery_);
  Groups groups(communicator, inner_, group_rows(communicator.rank()), records_->of(communicator.rank()));
  Partial part;
  {
    std::vector<HeadExchange::Part> parts = parts_of(inputs.query, inputs.key, inputs.value);
    add_mask(parts, inputs, heads_);
    const std::vector<at::Tensor> mine = groups.to_heads(parts);
    const RankInputs own{mine[0], mine[1], mine[2], mine.size() > 3 ? mine[3] : at::Tensor()};
    part = ring(groups.place()).forward(groups.outer(), own);
  }
  std::vector<HeadExchange::Part> parts{{.own = part.out, .heads = heads_}};
  if (part.lse.defined()) parts.push_back({.own = part.lse, .row_dim = 2, .head_dim = 1, .heads = heads_});
  const std::vector<at::Tensor> home = groups.to_rows(parts);
  return {home[0], home.size() > 1 ? home[1] : at::Tensor()};
}

Gradients UlyssesRing::do_backward(Communicator& communicator, const RankInputs& inputs, const Partial& result,
                                   const at::Tensor& grad_out) {
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  communicator.set_recovery(recovery_);
  Groups groups(communicator, inner_, group_rows(communicator.rank()), records_->of(communicator.rank()));
  Gradients gradients;
  {
    std::vector<HeadExchange::Part> parts = parts_of(inputs.query, inputs.key, inputs.value);
    for (const at::Tensor* own : {&result.out, &grad_out}) parts.push_back({.own = *own, .heads = heads_});
    if (result.lse.defined()) parts.push_back({.own = result.lse, .row_dim = 2, .head_dim = 1, .heads = heads_});
    const std::size_t mask = parts.size();
    add_mask(parts, inputs, heads_);
    const std::vector<at::Tensor> mine = groups.to_heads(parts);
    const RankInputs own{mine[0], mine[1], mine[2], mask < mine.size() ? mine[mask] : at::Tensor()};
    gradients = ring(groups.place())
                    .backward(groups.outer(), own, {mine[3], result.lse.defined() ? mine[5] : at::Tensor()}, mine[4]);
  }
  std::vector<at::Tensor> home = groups.to_rows(parts_of(gradients.query, gradients.key, gradients.value));
  return {std::move(home[0]), std::move(home[1]), std::move(home[2])};
}

}  // namespace ringattn
