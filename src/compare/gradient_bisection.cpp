#include "compare/gradient_bisection.h"

#include "attention/backward_executor.h"
#include "compare/gradient_judge.h"
#include "compare/gradient_parts.h"
#include "compare/gradient_ways.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace ringattn {
namespace {

using What = FirstBadStep::What;

/// Derivatives by the oracle, to which parts are added.
class Expected {
 public:
  explicit Expected(const OracleGradient& like, const at::Tensor& keys_like) {
    sums_ = {at::zeros_like(like.query), at::zeros_like(keys_like), at::zeros_like(keys_like)};
    const auto rows = [](const at::Tensor& sum) { return at::zeros_like(sum.select(3, 0)); };
    sensitivity_ = {rows(sums_.query), rows(sums_.key), rows(sums_.value), {}, {}, {}};
  }

  void add_queries(const OracleGradient& part) {
    sums_.query.add_(part.query);
    sensitivity_.query.add_(part.sensitivity.query);
  }
  /// dk and dv of some of the rows: bool (rows, key heads); undefined: all.
  void add_keys(const OracleGradient& part, const at::Tensor& some = {}) {
    const auto add = [&](const at::Tensor& sum, const at::Tensor& more) {
      if (!some.defined()) return sum.add_(more);
      return sum.add_(at::where(more.dim() == 4 ? some.unsqueeze(-1) : some, more, 0.0));
    };
    add(sums_.key, part.key);
    add(sums_.value, part.value);
    add(sensitivity_.key, part.sensitivity.key);
    add(sensitivity_.value, part.sensitivity.value);
  }
  /// As where no dq is judged.
  void without_queries() {
    sums_.query = sums_.query.narrow(1, 0, 0);
    sensitivity_.query = sensitivity_.query.narrow(1, 0, 0);
  }

  const Gradients& sums() const { return sums_; }
  const GradientSensitivity& sensitivity() const { return sensitivity_; }

 private:
  Gradients sums_;
  GradientSensitivity sensitivity_;
};

std::vector<std::vector<std::int64_t>> positions_of(const RowLayout& layout) {
  std::vector<std::vector<std::int64_t>> positions;
  for (int rank = 0; rank < layout.world_size; ++rank) positions.push_back(expand(layout.positions(rank)));
  return positions;
}

GradientWays ways_of(RingAttention& ring) {
  std::vector<const Plan*> plans;
  for (int rank = 0; rank < ring.layout().world_size; ++rank) plans.push_back(&ring.plan(rank));
  return GradientWays(plans);
}

at::Tensor copy_of(const at::Tensor& tensor) { return tensor.clone(at::MemoryFormat::Contiguous); }

/// The sums of a step's regions as rows of their owner at ascending `positions`, 0 where there are none.
at::Tensor by_owner(const Step& step, const std::vector<KeyValue>& regions, at::Tensor KeyValue::*which,
                    const std::vector<std::int64_t>& positions, at::Tensor rows) {
  for (std::size_t i = 0; i < regions.size(); ++i) {
    const Region& region = step.regions[i];
    std::vector<std::int64_t> packed, places;
    std::int64_t row = 0;
    for (const Rows& run : region.positions) {
      for (const std::int64_t position : expand(run)) {
        const auto place = std::lower_bound(positions.begin(), positions.end(), position);
        if (place != positions.end() && *place == position) {  // else no row of the owner, which is missed where it is
          packed.push_back(row);
          places.push_back(place - positions.begin());
        }
        ++row;
      }
    }
    if (places.empty()) continue;  // a region without rows has no tensors
    rows.narrow(2, region.heads.begin, region.heads.size())
        .index_copy_(1, at::tensor(places, at::kLong),
                     (regions[i].*which).index_select(1, at::tensor(packed, at::kLong)));
  }
  return rows;
}

}  // namespace

Gradients traced_backward(RingAttention& ring, Communicator& communicator, const RankInputs& inputs,
                          const Partial& result, const at::Tensor& grad_out, GradientWatch& watch) {
  ExecutorOptions options = ring.executor_options();
  options.gradient_watch = &watch;
  return execute_backward(ring.plan(communicator.rank()), ring.returns(communicator.rank()), inputs, result, grad_out,
                          communicator, ring.backend(), options);
}

struct GradientBisection::Impl {
  /// What a rank had come to after a hop.
  struct Seen {
    int hop = 0;
    What what = What::gradients;
    Gradients gradients;
  };
  class Watch final : public GradientWatch {
   public:
    Watch(Impl& impl, int rank) : impl_(impl), rank_(rank) {}
    void after_step(const Step& step, const Gradients& running, const std::vector<KeyValue>& regions) override {
      impl_.keep_step(rank_, step, running, regions);
    }
    void after_return(int hop, const KeyValue& own) override { impl_.keep_return(rank_, hop, own); }

   private:
    Impl& impl_;
    int rank_;
  };

  Impl(RingAttention& its_ring, const InputSource& inputs, at::ScalarType dtype)
      : ring(its_ring),
        positions(positions_of(ring.layout())),
        ways(ways_of(ring)),
        parts(ring.function(), inputs, dtype, positions),
        seen(positions.size()),
        results(positions.size()) {
    for (int rank = 0; rank < world_size(); ++rank) watches.push_back(std::make_unique<Watch>(*this, rank));
  }

  int world_size() const { return ring.layout().world_size; }
  int wrap(int rank) const { return (rank + world_size()) % world_size(); }
  const std::vector<std::int64_t>& rows_of(int rank) const { return positions[static_cast<std::size_t>(rank)]; }

  void keep_step(int rank, const Step& step, const Gradients& running, const std::vector<KeyValue>& regions) {
    Gradients kept{copy_of(running.query), copy_of(running.key), copy_of(running.value)};
    if (step.hop > 0) {
      const std::vector<std::int64_t>& owned = rows_of(wrap(rank - step.hop));
      const at::Tensor none =
          at::zeros({kept.key.size(0), static_cast<std::int64_t>(owned.size()), kept.key.size(2), kept.key.size(3)},
                    kept.key.options());
      kept.key = by_owner(step, regions, &KeyValue::key, owned, none.clone());
      kept.value = by_owner(step, regions, &KeyValue::value, owned, none);
    }
    seen[static_cast<std::size_t>(rank)].push_back({step.hop, What::gradients, std::move(kept)});
  }

  void keep_return(int rank, int hop, const KeyValue& own) {
    const at::Tensor no_query =
        at::empty({own.key.size(0), 0, ring.function().heads, own.key.size(3)}, own.key.options());
    seen[static_cast<std::size_t>(rank)].push_back(
        {hop, What::returned_sums, {no_query, copy_of(own.key), copy_of(own.value)}});
  }

  /// dq of the rank's rows over the keys of hops [0, hop], and no dk and dv yet, of rank `source`'s rows.
  Expected with_queries(int rank, int hop, int source) {
    Expected expected(parts.of(rank, rank), parts.of(rank, source).key);
    for (int h = 0; h <= hop; ++h) expected.add_queries(parts.of(rank, wrap(rank - h)));
    return expected;
  }

  Expected expected_step(int rank, int hop) {
    const int source = wrap(rank - hop);
    Expected expected = with_queries(rank, hop, source);
    if (hop == 0) expected.add_keys(parts.of(rank, rank));
    for (int from = 1; from <= hop; ++from)
      expected.add_keys(parts.of(wrap(source + from), source), ways.on_the_way(source, from, hop));
    return expected;
  }

  Expected expected_return(int rank, int hop) {
    Expected expected = with_queries(rank, 0, rank);
    expected.without_queries();
    expected.add_keys(parts.of(rank, rank));
    for (int from = 1; from <= hop; ++from)
      expected.add_keys(parts.of(wrap(rank + from), rank), ways.home(rank, from, hop));
    return expected;
  }

  Expected expected_result(int rank) {
    Expected expected = with_queries(rank, world_size() - 1, rank);
    for (int other = 0; other < world_size(); ++other) expected.add_keys(parts.of(other, rank));
    return expected;
  }

  NumericVerdict judged(const Gradients& got, const Expected& expected) const {
    const AttentionFunction& function = ring.function();
    return judge_gradients(got, expected.sums(),
                           {.baseline = {},
                            .sensitivity = expected.sensitivity(),
                            .inputs = parts.magnitude(),
                            .shared = function.heads / function.key_heads()});
  }

  /// Nothing where it is right.
  std::optional<FirstBadStep> judge(int rank, const Seen& seen_there) {
    const bool is_return = seen_there.what == What::returned_sums;
    const int hop = seen_there.hop;
    NumericVerdict verdict =
        judged(seen_there.gradients, is_return ? expected_return(rank, hop) : expected_step(rank, hop));
    if (verdict.passed) return std::nullopt;
    return FirstBadStep{rank, hop, wrap(is_return ? rank + hop : rank - hop), std::move(verdict), seen_there.what};
  }

  RingAttention& ring;
  const std::vector<std::vector<std::int64_t>> positions;  ///< by rank
  const GradientWays ways;
  GradientParts parts;
  std::vector<std::unique_ptr<Watch>> watches;
  std::vector<std::vector<Seen>> seen;  ///< by rank; each rank's thread writes its own
  std::vector<Gradients> results;       ///< likewise
};

GradientBisection::GradientBisection(RingAttention& ring, const InputSource& inputs, at::ScalarType dtype)
    : impl_(std::make_unique<Impl>(ring, inputs, dtype)) {}
GradientBisection::~GradientBisection() = default;

GradientWatch& GradientBisection::watch(int rank) {
  impl_->seen[static_cast<std::size_t>(rank)].clear();
  impl_->results[static_cast<std::size_t>(rank)] = {};
  return *impl_->watches[static_cast<std::size_t>(rank)];
}

void GradientBisection::finish(int rank, const Gradients& result) {
  impl_->results[static_cast<std::size_t>(rank)] = result;
}

std::optional<FirstBadStep> GradientBisection::first_bad() {
  for (int hop = 0; hop < impl_->world_size(); ++hop) {
    for (const What what : {What::gradients, What::returned_sums}) {
      for (int rank = 0; rank < impl_->world_size(); ++rank) {
        for (const Impl::Seen& seen : impl_->seen[static_cast<std::size_t>(rank)]) {
          if (seen.hop != hop || seen.what != what) continue;
          if (std::optional<FirstBadStep> bad = impl_->judge(rank, seen)) return bad;
        }
      }
    }
  }
  for (int rank = 0; rank < impl_->world_size(); ++rank) {
    const Gradients& result = impl_->results[static_cast<std::size_t>(rank)];
    if (!result.query.defined()) continue;
    NumericVerdict verdict = impl_->judged(result, impl_->expected_result(rank));
    if (!verdict.passed) return FirstBadStep{rank, FirstBadStep::finish, rank, std::move(verdict), What::gradients};
  }
  return std::nullopt;
}

}  // namespace ringattn
