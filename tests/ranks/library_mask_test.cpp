#include "attention/attends.h"
#include "config/error.h"
#include "pattern/pattern.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <map>
#include <random>
#include <set>

// The ring against LibTorch's own attention: at::scaled_dot_product_attention in its plain (math) form, in fp64, with a
// mask that is written down couple by couple from the definition, attends(). Neither side has any code of the other.

namespace ringattn {
namespace {

constexpr double kHidden = -std::numeric_limits<double>::infinity();

/// One randomly chosen problem with its inputs.
struct Trial {
  RingAttentionConfig config;
  Problem problem;
  RankInputs inputs;
  int ranks = 1;
};

class Chooser {
 public:
  explicit Chooser(unsigned seed) : random_(seed) {}
  std::int64_t pick(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  bool one_in(std::int64_t odds) { return pick(1, odds) == 1; }

  Trial trial() {
    for (;;) {
      Trial chosen;
      choose_sizes(chosen);
      choose_pattern(chosen);
      choose_extras(chosen.problem);
      try {
        make_pattern(resolve_function(chosen.config, chosen.problem));
      } catch (const UsageError&) {
        continue;  // axes without a meaning
      }
      choose_inputs(chosen);
      return chosen;
    }
  }

 private:
  /// A tenth are long enough for `snake` and `turned` to differ from the identity.
  void choose_sizes(Trial& t) {
    is_long_ = one_in(10);
    t.problem.seq_len = is_long_ ? 128 : pick(1, 64);
    t.problem.heads = is_long_ ? pick(1, 3) : pick(1, 6);
    std::vector<std::int64_t> divisors;
    for (std::int64_t d = 1; d <= t.problem.heads; ++d) {
      if (t.problem.heads % d == 0) divisors.push_back(d);
    }
    if (one_in(2)) t.problem.kv_heads = divisors[static_cast<std::size_t>(pick(0, std::ssize(divisors) - 1))];
    t.ranks = static_cast<int>(pick(1, 8));
    t.config.layout = static_cast<Layout>(pick(0, 3));
    t.config.backend = one_in(4) ? Backend::reference : Backend::automatic;
    if (one_in(3)) t.config.softmax_scale = 0.1 * static_cast<double>(pick(1, 12));
  }

  void choose_pattern(Trial& t) {
    const std::int64_t pairs = pick(1, 3);
    for (std::int64_t i = 0; i < pairs; ++i) {
      t.config.segment_lengths.push_back(is_long_ ? (one_in(2) ? 128 : 64) : pick(1, 70));
      t.config.dilation_rates.push_back(pick(1, 5));
    }
    const std::int64_t orders = is_long_ || one_in(4) ? 3 : 0;
    const PatternAxes axes{static_cast<Placement>(pick(0, 3)),      static_cast<HeadRule>(pick(0, 4)),
                           static_cast<OffsetRule>(pick(0, 4)),     static_cast<QueryRule>(pick(0, 1)),
                           static_cast<KeyRule>(pick(0, 3)),        static_cast<JoinRule>(pick(0, 3)),
                           static_cast<OrderRule>(pick(0, orders)), static_cast<TailRule>(pick(0, 2))};
    t.config.pattern = {.name = PatternName::custom, .axes = axes};
    if (one_in(8)) t.config.pattern = {.name = static_cast<PatternName>(pick(0, 6)), .axes = {}};
  }

  void choose_extras(Problem& p) {
    p.is_causal = one_in(2);
    if (one_in(3)) p.window = {pick(-1, 20), pick(-1, 20)};
    if (one_in(3) && p.seq_len > 1) {
      std::set<std::int64_t> starts{0, p.seq_len};
      for (int i = 0; i < 3; ++i) starts.insert(pick(1, p.seq_len));
      p.documents.assign(starts.begin(), starts.end());
    }
    if (!one_in(2)) p.mask = {one_in(2) ? MaskKind::keys : MaskKind::scores, one_in(2), one_in(2)};
    if (p.mask.kind != MaskKind::scores) p.mask.is_per_head = false;
  }

  void choose_inputs(Trial& t) {
    const Problem& p = t.problem;
    const std::int64_t batch = pick(1, 2), n = p.seq_len;
    const auto dtype = one_in(5) ? at::kBFloat16 : one_in(2) ? at::kDouble : at::kFloat;
    const auto seed = static_cast<std::uint64_t>(pick(0, 1 << 30));
    t.inputs = testing::full_inputs(batch, n, p.heads, one_in(2) ? 4 : 8, dtype, seed, p.kv_heads);
    if (p.mask.kind == MaskKind::none) return;
    at::Generator generator = at::globalContext().defaultGenerator(at::kCPU).clone();
    generator.set_current_seed(seed + 1);
    const std::int64_t mask_batch = one_in(2) ? batch : 1;
    std::vector<std::int64_t> sizes{mask_batch, n};
    if (p.mask.kind == MaskKind::scores) sizes = {mask_batch, p.mask.is_per_head ? p.heads : 1, n, n};
    const at::Tensor may = at::rand(sizes, generator, at::kFloat) < 0.1 * static_cast<double>(pick(1, 9));
    if (!p.mask.is_additive)
      t.inputs.mask = may;
    else
      t.inputs.mask = at::randn(sizes, generator, at::kFloat).masked_fill_(may.logical_not(), kHidden).to(mask_dtype());
  }

  at::ScalarType mask_dtype() {
    return std::array{at::kFloat, at::kDouble, at::kBFloat16, at::kHalf}[static_cast<std::size_t>(pick(0, 3))];
  }

  std::mt19937 random_;
  bool is_long_ = false;
};

/// How many of the pairs [first, last) let the query attend the key: (heads, n, n), fp64.
at::Tensor attend_counts(const AttentionFunction& f, std::int64_t first, std::int64_t last) {
  at::Tensor counts = at::zeros({f.heads, f.seq_len, f.seq_len}, at::kDouble);
  auto* count = counts.mutable_data_ptr<double>();
  for (std::int64_t head = 0; head < f.heads; ++head) {
    for (std::int64_t query = 0; query < f.seq_len; ++query) {
      for (std::int64_t key = 0; key < f.seq_len; ++key, ++count) {
        for (std::int64_t pair = first; pair < last; ++pair) *count += attends(f, pair, head, query, key) ? 1.0 : 0.0;
      }
    }
  }
  return counts;
}

/// The mask of the inputs, broadcastable to (batch, heads, n, n).
at::Tensor score_mask(const at::Tensor& mask) { return mask.dim() == 2 ? mask.unsqueeze(1).unsqueeze(2) : mask; }

/// LibTorch's attention over the couples that are counted; a couple of two pairs counts twice in the softmax, which is
/// log 2 on its score. Boolean where everything is once or not at all.
Partial library_softmax(const Trial& t, const AttentionFunction& f, const at::Tensor& counts) {
  const auto heads_first = [](const at::Tensor& rows) { return rows.to(at::kDouble).transpose(1, 2); };
  const at::Tensor query = heads_first(t.inputs.query), key = heads_first(t.inputs.key);
  const at::Tensor value = heads_first(t.inputs.value);
  at::Tensor additive = counts.log().unsqueeze(0);
  if (t.inputs.mask.defined()) {
    const at::Tensor mask = score_mask(t.inputs.mask);
    additive = f.mask.is_additive ? additive + mask.to(at::kDouble) : additive.masked_fill(mask.logical_not(), kHidden);
  }
  const bool is_boolean = !f.mask.is_additive && counts.max().item<double>() <= 1.0;
  const at::Tensor mask = is_boolean ? additive.eq(0.0) : additive;
  const double scale = f.softmax_scale.value_or(1.0 / std::sqrt(static_cast<double>(query.size(3))));
  const at::Tensor out = at::scaled_dot_product_attention(query, key, value, mask, 0.0, false, scale,
                                                          /*enable_gqa=*/key.size(1) != query.size(1));
  const at::Tensor all_keys = key.repeat_interleave(query.size(1) / key.size(1), 1);
  const at::Tensor scores = at::matmul(query, all_keys.transpose(-2, -1)).mul(scale).add(additive);
  return {out.transpose(1, 2), at::logsumexp(scores, -1)};
}

Partial library_result(const Trial& t, const AttentionFunction& f) {
  const std::int64_t pairs = std::ssize(f.pairs);
  const double groups = f.axes.join == JoinRule::groups ? static_cast<double>(pairs) : 1.0;
  if (f.axes.join != JoinRule::mean || pairs == 1) {
    Partial result = library_softmax(t, f, attend_counts(f, 0, pairs));
    return {result.out / groups, result.lse};
  }
  at::Tensor sum = at::zeros(t.inputs.query.sizes(), at::kDouble);
  for (std::int64_t pair = 0; pair < pairs; ++pair)
    sum.add_(library_softmax(t, f, attend_counts(f, pair, pair + 1)).out);
  return {sum / static_cast<double>(pairs), {}};
}

/// LibTorch's plain form, not the flash kernel that the engine may use itself.
class MathAttention {
 public:
  MathAttention() { at::globalContext().setSDPUseFlash(false); }
  ~MathAttention() { at::globalContext().setSDPUseFlash(true); }
  MathAttention(const MathAttention&) = delete;
  MathAttention& operator=(const MathAttention&) = delete;
};

/// How often each value of each axis and extra was tried.
using Tally = std::map<std::string, int>;

void count_trial(Tally& tally, const Trial& t, const AttentionFunction& f) {
  for (const auto& [name, value] :
       std::initializer_list<std::pair<const char*, int>>{{"placement", static_cast<int>(f.axes.placement)},
                                                          {"heads", static_cast<int>(f.axes.heads)},
                                                          {"offset", static_cast<int>(f.axes.offset)},
                                                          {"queries", static_cast<int>(f.axes.queries)},
                                                          {"keys", static_cast<int>(f.axes.keys)},
                                                          {"join", static_cast<int>(f.axes.join)},
                                                          {"order", static_cast<int>(f.axes.order)},
                                                          {"tail", static_cast<int>(f.axes.tail)},
                                                          {"layout", static_cast<int>(t.config.layout)},
                                                          {"causal", f.is_causal ? 1 : 0},
                                                          {"window", f.window.is_open() ? 0 : 1},
                                                          {"documents", f.documents.empty() ? 0 : 1},
                                                          {"shared heads", f.key_heads() < f.heads ? 1 : 0},
                                                          {"mask", static_cast<int>(f.mask.kind)},
                                                          {"k", t.ranks}})
    ++tally[fmt::format("{} {}", name, value)];
}

void check_run(const testing::RingRun& run, const Partial& wanted, at::ScalarType dtype) {
  const double out_bound = dtype == at::kDouble ? 1e-12 : dtype == at::kFloat ? 1e-5 : 2e-2;
  const double lse_bound = std::min(out_bound, 1e-3);
  CHECK(testing::worst_error(run.out, wanted.out, out_bound, out_bound) <= 1.0);
  REQUIRE(run.has_lse == wanted.lse.defined());
  if (run.has_lse) CHECK(testing::worst_error(run.lse, wanted.lse, lse_bound, lse_bound) <= 1.0);
}

void check_trials(unsigned seed, int trials, Tally& tally) {
  const testing::NanMemory nan_memory;
  const MathAttention math;
  at::set_num_threads(1);
  Chooser chooser(seed);
  for (int i = 0; i < trials; ++i) {
    const Trial t = chooser.trial();
    const AttentionFunction f = resolve_function(t.config, t.problem);
    count_trial(tally, t, f);
    INFO(fmt::format(
        "seed {} trial {}: n={} heads={}/{} {} w={} r={} causal={} window={}:{} documents={} mask={}{} "
        "layout={} k={} {}",
        seed, i, f.seq_len, f.heads, f.key_heads(), describe(t.config.pattern),
        fmt::join(t.config.segment_lengths, ","), fmt::join(t.config.dilation_rates, ","), f.is_causal, f.window.left,
        f.window.right, fmt::join(f.documents, ":"), static_cast<int>(f.mask.kind), f.mask.is_additive ? "+" : "",
        to_string(t.config.layout), t.ranks, c10::toString(t.inputs.query.scalar_type())));
    const Partial wanted = library_result(t, f);
    const testing::RingRun run = testing::run_ring(t.config, t.inputs, t.problem, t.ranks);
    check_run(run, wanted, t.inputs.query.scalar_type());
  }
}

}  // namespace

TEST_CASE("500 random configurations equal LibTorch's attention under a mask made of the definition") {
  Tally tally;
  check_trials(1, 500, tally);
  const std::map<std::string, int> values{{"placement", 4},    {"heads", 5},  {"offset", 5}, {"queries", 2},
                                          {"keys", 4},         {"join", 4},   {"order", 4},  {"tail", 3},
                                          {"layout", 4},       {"causal", 2}, {"window", 2}, {"documents", 2},
                                          {"shared heads", 2}, {"mask", 3}};
  for (const auto& [name, count] : values) {
    for (int value = 0; value < count; ++value) {
      const std::string tallied = fmt::format("{} {}", name, value);
      CHECK_MESSAGE(tally[tallied] >= 10, tallied);
    }
  }
  for (int ranks = 1; ranks <= 8; ++ranks) CHECK(tally[fmt::format("k {}", ranks)] >= 10);
}

TEST_CASE("long sequences, whose tiles are cut into several calls, equal LibTorch's attention too") {
  // Two batch indices of 1100 rows of 64 fp32 are more than a call's partial may be, and 1100 by 1100 more than a bias.
  const testing::NanMemory nan_memory;
  const MathAttention math;
  at::set_num_threads(1);
  constexpr std::int64_t n = 1100;
  const Problem plain{.seq_len = n, .heads = 2};
  Problem scores = plain, window = plain, documents = plain, keys = plain;
  scores.mask = {MaskKind::scores, true, true}, scores.is_causal = true;
  window.window = {300, 100};
  documents.documents = {0, 1, 130, 1000, n}, documents.kv_heads = 1, documents.mask = {MaskKind::keys, false, false};
  keys.mask = {MaskKind::keys, false, true}, keys.is_causal = true;
  RingAttentionConfig curve = testing::ring_config("dilated_keys", "[700, 1100]", "[2, 3]");
  PatternAxes axes = axes_of(PatternName::dilated_keys);
  axes.order = OrderRule::hilbert;
  curve.pattern = {.name = PatternName::custom, .axes = axes};
  const RingAttentionConfig dense = testing::ring_config("dense", "[1100]", "[1]");
  const RingAttentionConfig longnet = testing::ring_config("longnet", "[50, 1100]", "[1, 3]");
  const at::Tensor noise = at::arange(2 * n * n, at::kFloat).mul_(0.37F).sin_();
  for (const auto& [config, problem] : {std::pair{dense, scores},
                                        {dense, window},
                                        {dense, documents},
                                        {curve, window},
                                        {curve, scores},
                                        {longnet, keys}}) {
    Trial t{.config = config, .problem = problem, .inputs = {}};
    t.inputs = testing::full_inputs(2, n, 2, 64, at::kFloat, 5, problem.kv_heads);
    if (problem.mask.kind == MaskKind::scores) t.inputs.mask = noise.view({1, 2, n, n});
    if (problem.mask.kind == MaskKind::keys) t.inputs.mask = noise.narrow(0, 0, 2 * n).view({2, n});
    if (problem.mask.kind == MaskKind::keys && !problem.mask.is_additive) t.inputs.mask = t.inputs.mask.gt(-0.5);
    if (problem.mask.is_additive) t.inputs.mask = t.inputs.mask.masked_fill(t.inputs.mask.lt(-0.5), kHidden);
    const Partial wanted = library_result(t, resolve_function(config, problem));
    for (const int ranks : {1, 3}) {
      INFO(fmt::format("{} mask={} window={} k={}", describe(t.config.pattern), static_cast<int>(t.problem.mask.kind),
                       t.problem.window.left, ranks));
      check_run(testing::run_ring(config, t.inputs, problem, ranks), wanted, at::kFloat);
    }
  }
}

}  // namespace ringattn
