#include "compare/bisection.h"

#include "compare/numeric.h"
#include "compare/reference.h"
#include "compare/seen_keys.h"

#include <ATen/ATen.h>

#include <limits>
#include <map>
#include <utility>

namespace ringattn {

Partial traced_forward(RingAttention& ring, Communicator& communicator, const RankInputs& inputs,
                       const AfterStep& watch) {
  ExecutorOptions options = ring.executor_options();
  options.after_step = watch;
  return execute(ring.plan(communicator.rank()), inputs, communicator, ring.backend(), options);
}

struct Bisection::Impl {
  /// What a rank's rows had come to after a hop.
  struct Seen {
    int hop = 0;
    Partial partial;
  };
  /// The oracle of one rank's rows and the keys of some hops, and the inputs that it is made of.
  struct Expected {
    std::unique_ptr<SeenKeys> inputs;
    std::unique_ptr<ReferenceBook> references;
  };

  Impl(RingAttention& its_ring, const InputSource& its_inputs, at::ScalarType its_dtype)
      : ring(its_ring),
        inputs(its_inputs),
        dtype(its_dtype),
        seen(static_cast<std::size_t>(its_ring.layout().world_size)),
        results(seen.size()) {}

  int world_size() const { return ring.layout().world_size; }
  int source_of(int rank, int hop) const { return (rank - hop + world_size()) % world_size(); }

  /// out as the plan scales it; 0 in rows that have seen no key yet.
  Partial finished(const RunningState& state) const {
    const at::Tensor lse = state.lse().clone();
    const at::Tensor is_empty = lse.eq(-std::numeric_limits<double>::infinity()).unsqueeze(3);
    at::Tensor out = state.out().masked_fill(is_empty, 0.0);
    if (ring.pattern().scale != 1.0) out.mul_(ring.pattern().scale);
    return {out, lse.transpose(1, 2)};
  }

  void keep(int rank, const Step& step, std::span<const RunningState> states) {
    if (states.size() == 1) seen[static_cast<std::size_t>(rank)].push_back({step.hop, finished(states.front())});
  }

  const Reference& expected_of(int rank, int hop) {
    Expected& expected = known[{rank, hop}];
    AttentionFunction function = ring.function();
    if (function.mask.kind == MaskKind::none) function.mask.kind = MaskKind::keys;
    if (!expected.references) {
      at::Tensor keys = at::zeros({function.seq_len}, at::kBool);
      for (int h = 0; h <= hop; ++h)
        keys.index_fill_(0, at::tensor(expand(ring.layout().positions(source_of(rank, h))), at::kLong), true);
      expected.inputs = std::make_unique<SeenKeys>(inputs, keys);
      expected.references = std::make_unique<ReferenceBook>(*expected.inputs, expand(ring.layout().positions(rank)));
    }
    return expected.references->of(function, dtype);
  }

  /// Nothing where the rows are right.
  std::optional<FirstBadStep> judge(int rank, int hop, const Partial& partial) {
    if (partial.out.numel() == 0) return std::nullopt;
    const int until = hop == FirstBadStep::finish ? world_size() - 1 : hop;
    const Reference& expected = expected_of(rank, until);
    NumericVerdict verdict = judge_against_oracle(partial, expected.oracle, context_of(expected));
    if (verdict.passed) return std::nullopt;
    return FirstBadStep{rank, hop, source_of(rank, until), std::move(verdict)};
  }

  RingAttention& ring;
  const InputSource& inputs;
  const at::ScalarType dtype;
  std::vector<std::vector<Seen>> seen;  ///< by rank; each rank's thread writes its own
  std::vector<Partial> results;         ///< likewise
  std::map<std::pair<int, int>, Expected> known;
};

Bisection::Bisection(RingAttention& ring, const InputSource& inputs, at::ScalarType dtype)
    : impl_(std::make_unique<Impl>(ring, inputs, dtype)) {}
Bisection::~Bisection() = default;

AfterStep Bisection::watch(int rank) {
  impl_->seen[static_cast<std::size_t>(rank)].clear();
  impl_->results[static_cast<std::size_t>(rank)] = {};
  return [impl = impl_.get(), rank](const Step& step, std::span<const RunningState> states) {
    impl->keep(rank, step, states);
  };
}

void Bisection::finish(int rank, const Partial& result) { impl_->results[static_cast<std::size_t>(rank)] = result; }

std::optional<FirstBadStep> Bisection::first_bad() {
  for (int hop = 0; hop < impl_->world_size(); ++hop) {
    for (int rank = 0; rank < impl_->world_size(); ++rank) {
      for (const Impl::Seen& seen : impl_->seen[static_cast<std::size_t>(rank)]) {
        if (seen.hop != hop) continue;
        if (std::optional<FirstBadStep> bad = impl_->judge(rank, hop, seen.partial)) return bad;
      }
    }
  }
  for (int rank = 0; rank < impl_->world_size(); ++rank) {
    const Partial& result = impl_->results[static_cast<std::size_t>(rank)];
    if (!result.out.defined()) continue;
    if (std::optional<FirstBadStep> bad = impl_->judge(rank, FirstBadStep::finish, result)) return bad;
  }
  return std::nullopt;
}

}  // namespace ringattn
