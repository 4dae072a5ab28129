#include "legacy/curves.h"
#include "legacy/hilbert_kernel.h"
#include "legacy/projection.h"
#include "legacy/raises.h"
#include "legacy/released_hilbert.h"
#include "legacy/released_support.h"
#include "legacy/ring_pass.h"
#include "legacy/semantics.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

namespace ringattn::legacy {
namespace {

/// As shipped, a kernel finds no GPU.
void require_interpreter(const ReleasedArguments& arguments) {
  if (arguments.is_patched) return;
  throw LegacyRaises("RuntimeError", "0 active drivers ([]). There should only be one.");
}

/// One HilbertAttentionCore, its weights under `prefix`.
struct Core {
  std::int64_t heads = 1;
  std::int64_t segment_size = 128;
  std::int64_t dilation_rate = 1;
  bool use_hilbert = true;
  std::string prefix{};
};

Core core_of(const ReleasedArguments& arguments) {
  return {recorded_heads(arguments), option<std::int64_t>(arguments.constructor, "segment_size", 128),
          option<std::int64_t>(arguments.constructor, "dilation_rate", 1),
          option<bool>(arguments.call, "use_hilbert", true)};
}

/// Rows of x (batch, rows, embed) padded to whole segments and projected: padding is keys of score and value 0.
FullInputs padded(const ReleasedInputs& inputs, const at::Tensor& x, const Core& core) {
  const std::int64_t segments = (x.size(1) + core.segment_size - 1) / core.segment_size;
  return project_fused(inputs, pad_rows(x, segments * core.segment_size), core.heads, core.prefix);
}

/// HilbertAttentionCore @2174e2d: the snake of the padded length, never undone.
at::Tensor run_core(const ReleasedInputs& inputs, const at::Tensor& x, const Core& core) {
  const FullInputs rows = padded(inputs, x, core);
  const std::int64_t length = rows.seq_len();
  const at::Tensor out =
      key_maximum_kernel(rows, {core.segment_size, core.dilation_rate, std::min<std::int64_t>(64, length),
                                core.use_hilbert ? snake(length) : at::arange(length)});
  return project_out(inputs, out.narrow(1, 0, x.size(1)), core.prefix);
}

at::Tensor flat(const at::Tensor& rows) { return rows.reshape({rows.size(0), rows.size(1), -1}); }

/// The module whose segment is nearest to a rank's rows, the first of equals.
std::size_t nearest_module(const std::vector<Pair>& pairs, std::int64_t rows) {
  std::size_t nearest = 0;
  const auto distance = [&](std::size_t i) { return std::abs(pairs[i].segment_length - rows); };
  for (std::size_t i = 1; i < pairs.size(); ++i) {
    if (distance(i) < distance(nearest)) nearest = i;
  }
  return nearest;
}

std::string module_name(std::size_t i) { return "hilbert_modules." + std::to_string(i) + "."; }

/// Each step computes the same from the queries alone while K and V go round unused; the merge knows no lse: L = 0 for
/// each step, out ← out·e^{L - L'} + added, which makes (R + 1)/2 of it.
at::Tensor ring_of_queries(Communicator& communicator, const FullInputs& own, const ReleasedInputs& inputs,
                           const Core& core) {
  at::Tensor sum;
  double lse = 0.0;
  ring_pass(communicator, {own.key, own.value}, {}, [&](const RingStep& step) {
    const at::Tensor added = run_core(inputs, flat(own.query), core);
    const double next = std::log(std::exp(lse) + 1.0);
    sum = step.step == 0 ? added : sum * std::exp(lse - next) + added;
    if (step.step > 0) lse = next;
  });
  return at::cat(all_gather(communicator, sum), 1);
}

}  // namespace

at::Tensor hilbert_attention_core(Communicator&, const ReleasedInputs& inputs, const ReleasedArguments& arguments) {
  require_interpreter(arguments);
  return run_core(without_biases(inputs), inputs.tensor("x"), core_of(arguments));
}

// HilbertAttentionCoreFixed @4b8f1c4: the same weights without any order; without Hilbert, dense over the padded rows.
at::Tensor hilbert_attention_core_fixed_kernel(Communicator&, const ReleasedInputs& all,
                                               const ReleasedArguments& arguments) {
  const ReleasedInputs inputs = without_biases(all);
  Core core = core_of(arguments);
  const at::Tensor& x = inputs.tensor("x");
  if (core.use_hilbert) {
    require_interpreter(arguments);
    core.use_hilbert = false;
    return run_core(inputs, x, core);
  }
  const at::Tensor out = attention_mixer(false)(padded(inputs, x, core));
  return project_out(inputs, out.narrow(1, 0, x.size(1)));
}

// HilbertAttentionTritonWrapper @fbe06a6: one x, the mean of three projections, for the core of the first pair.
at::Tensor hilbert_triton_wrapper(Communicator&, const ReleasedInputs& all, const ReleasedArguments& arguments) {
  const ReleasedInputs inputs = without_biases(all);
  require_interpreter(arguments);
  const auto pairs = pairs_of(arguments);
  const std::int64_t heads = option<std::int64_t>(arguments.constructor, "num_heads", 8);
  const at::Tensor x =
      (linear(inputs, "q_proj", flat(inputs.tensor("query"))) + linear(inputs, "k_proj", flat(inputs.tensor("key"))) +
       linear(inputs, "v_proj", flat(inputs.tensor("value")))) /
      3.0;
  const Core core{heads, pairs.empty() ? 128 : pairs.front().segment_length,
                  pairs.empty() ? 1 : pairs.front().dilation_rate, true, "attention."};
  return split_heads(linear(inputs, "out_proj", run_core(inputs, x, core)), heads);
}

// HilbertDilatedAttentionTriton @7a6d596, second kernel.
at::Tensor hilbert_triton_v2(Communicator&, const ReleasedInputs& all, const ReleasedArguments& arguments) {
  const ReleasedInputs inputs = without_biases(all);
  require_interpreter(arguments);
  const Core core = core_of(arguments);
  const FullInputs rows = project_fused(inputs, inputs.tensor("x"), core.heads);
  const at::Tensor order = core.use_hilbert ? quadrant_rank(rows.seq_len()) : at::Tensor();
  return project_out(inputs, growing_kernel(rows, {core.segment_size, core.dilation_rate, 64, order}));
}

// HilbertAttentionTritonSimple @7a6d596, third kernel.
at::Tensor hilbert_triton_v3(Communicator&, const ReleasedInputs& all, const ReleasedArguments& arguments) {
  const ReleasedInputs inputs = without_biases(all);
  require_interpreter(arguments);
  const Core core = core_of(arguments);
  const FullInputs rows = project_fused(inputs, inputs.tensor("x"), core.heads);
  const at::Tensor order = core.use_hilbert ? snake_always(rows.seq_len()) : at::arange(rows.seq_len());
  const at::Tensor out = unshifted_kernel(rows, {core.segment_size, core.dilation_rate, 32, order}, core.use_hilbert);
  return project_out(inputs, out);
}

// RingDilatedAttentionHilbertCoreFixed @36c40da (F6): K, V and causality are ignored; the queries are projected to
// queries, keys and values of their own. One process: pair i's module on span i, other rows 0. Several ranks: one
// module, the same on every step, then all_gather of all rows to every rank.
at::Tensor hilbert_core_fixed(Communicator& communicator, const ReleasedInputs& all,
                              const ReleasedArguments& arguments) {
  const ReleasedInputs inputs = without_biases(all);
  const std::vector<Pair> pairs = pairs_or_default(arguments);
  const bool has_config = arguments.constructor.contains("config");
  if (has_config && communicator.world_size() > 1 &&
      !optional_integer(arguments.constructor["config"], "ring_size").has_value()) {
    throw LegacyRaises("TypeError", "'>' not supported between instances of 'NoneType' and 'int'");
  }
  require_interpreter(arguments);
  const FullInputs given = attention_inputs(inputs);
  const std::int64_t heads = given.heads();
  const bool use_hilbert = option<bool>(arguments.constructor, "use_hilbert", true);
  const auto module = [&](std::size_t i) {
    return Core{heads, pairs[i].segment_length, pairs[i].dilation_rate, use_hilbert, module_name(i)};
  };
  if (communicator.world_size() > 1 && ring_size_or_world(arguments, communicator) > 1) {
    if (given.seq_len() % communicator.world_size() != 0) {
      throw LegacyRaises("Aborted(signal 6)", "the transport refuses a chunk longer than the rank's own");
    }
    const FullInputs own{own_rows(communicator, given.query), own_rows(communicator, given.key),
                         own_rows(communicator, given.value)};
    const Core core = module(nearest_module(pairs, own.seq_len()));
    return split_heads(ring_of_queries(communicator, own, inputs, core), heads);
  }
  at::Tensor out = at::zeros_like(given.query);
  std::int64_t begin = 0;
  for (std::size_t i = 0; i < pairs.size() && begin < given.seq_len(); ++i) {
    const std::int64_t rows = std::min(pairs[i].segment_length, given.seq_len() - begin);
    const at::Tensor span = run_core(inputs, flat(given.query.narrow(1, begin, rows)), module(i));
    out.narrow(1, begin, rows).copy_(split_heads(span, heads));
    begin += rows;
  }
  return out;
}

}  // namespace ringattn::legacy
