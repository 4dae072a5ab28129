#include "tests/mutants/valid_cases.h"

#include "attention/attends.h"
#include "compare/examine.h"
#include "config/config_json.h"
#include "config/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

namespace ringattn::mutants {
namespace {

constexpr std::chrono::seconds kTimeout{60};

class Draw {
 public:
  explicit Draw(std::mt19937_64& random) : random_(random) {}
  std::int64_t number(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random_);
  }
  bool once_in(std::int64_t n) { return number(1, n) == 1; }
  template <typename T>
  T one_of(std::initializer_list<T> values) {
    return values.begin()[number(0, static_cast<std::int64_t>(values.size()) - 1)];
  }
  template <typename E>
  E value(int values) {
    return static_cast<E>(number(0, values - 1));
  }

 private:
  std::mt19937_64& random_;
};

PatternAxes drawn_axes(Draw& draw) {
  return {draw.value<Placement>(4), draw.value<HeadRule>(5), draw.value<OffsetRule>(5), draw.value<QueryRule>(2),
          draw.value<KeyRule>(4),   draw.value<JoinRule>(4), draw.value<OrderRule>(4),  draw.value<TailRule>(3)};
}

BlockSparsity drawn_blocks(Draw& draw, std::int64_t block_size) {
  BlockSparsity blocks{
      .rule = draw.one_of({BlockRule::local, BlockRule::dilated, BlockRule::global_local, BlockRule::grid}),
      .block_size = block_size,
      .sparsity_ratio = draw.one_of({0.3, 0.6, 0.9})};
  if (blocks.rule == BlockRule::dilated) blocks.rates = {1, draw.number(2, 4)};
  if (blocks.rule == BlockRule::dilated) blocks.per_head = draw.once_in(2);
  if (blocks.rule == BlockRule::grid) blocks.grid_width = draw.number(4, 16), blocks.grid_radius = draw.number(0, 3);
  return blocks;
}

void draw_pattern(Draw& draw, ValidCase& valid) {
  RingAttentionConfig& config = valid.config;
  const std::int64_t pairs = draw.number(1, 3);
  for (std::int64_t i = 0; i < pairs; ++i) {
    config.segment_lengths.push_back(draw.number(1, valid.axes.seq_len + 20));
    config.dilation_rates.push_back(draw.number(1, 4));
  }
  const char* const names[] = {"dense", "dilated", "dilated_keys", "strided_keys", "residue", "longnet"};
  if (!draw.once_in(3)) {
    set_field(config, "pattern", names[draw.number(0, 5)], "draw");
    if (draw.once_in(4)) {
      const std::int64_t block_size = draw.one_of<std::int64_t>({4, 8, 16});
      valid.axes.seq_len = std::max<std::int64_t>(1, valid.axes.seq_len / block_size) * block_size;
      config.pattern = {.name = PatternName::custom,
                        .axes = ringattn::axes_of(config.pattern.name),
                        .blocks = drawn_blocks(draw, block_size)};
    }
    return;
  }
  config.pattern = {.name = PatternName::custom, .axes = drawn_axes(draw)};
}

void draw_extras(Draw& draw, ValidCase& valid) {
  Case& axes = valid.axes;
  const std::int64_t n = axes.seq_len;
  if (draw.once_in(4)) axes.window = {draw.number(-1, n / 2), draw.number(-1, n / 2)};
  if (draw.once_in(4)) axes.documents = {.count = draw.number(1, std::min<std::int64_t>(5, n))};
  if (draw.once_in(4)) axes.mask = draw.one_of<std::string>({"padding", "random", "alibi"});
  if (draw.once_in(3) && axes.heads % 2 == 0) axes.kv_heads = draw.one_of<std::int64_t>({1, 2, axes.heads / 2});
  if (draw.once_in(8)) valid.config.dropout = draw.one_of({0.1, 0.5}), valid.is_training = true;
  if (draw.once_in(6)) valid.config.softmax_scale = draw.one_of({0.1, 0.5});
  if (draw.once_in(4)) valid.config.overlap_communication = false;
  if (draw.once_in(6)) valid.config.backend = Backend::reference;
  if (draw.once_in(4)) valid.pass = Pass::both;
  if (draw.once_in(3)) valid.distribution = draw.value<InputDistribution>(6);
  const Layout layouts[] = {Layout::automatic, Layout::contiguous, Layout::zigzag, Layout::striped, Layout::hilbert};
  valid.config.layout = layouts[draw.number(0, 4)];
  if (draw.once_in(3)) valid.config.hilbert_min_segment_size = 1, valid.config.hilbert_curve_level = draw.number(1, 4);
}

std::unique_ptr<InputSource> inputs_of(const ValidCase& valid) {
  const Case& axes = valid.axes;
  return generated_inputs({.seed = valid.seed,
                           .batch = axes.batch,
                           .seq_len = axes.seq_len,
                           .heads = axes.heads,
                           .head_dim = axes.head_dim,
                           .distribution = valid.distribution,
                           .kv_heads = axes.kv_heads,
                           .mask = axes.mask});
}

std::unique_ptr<RingAttention> ring_of(const ValidCase& valid, const MaskShape& mask) {
  validate(valid.config);
  const Problem problem = problem_of(valid.axes, mask, valid.is_training, valid.is_training ? valid.seed : 0);
  auto ring = std::make_unique<RingAttention>(valid.config, problem, static_cast<int>(valid.axes.ranks));
  check_function(ring->function());
  return ring;
}

}  // namespace

std::string to_string(const ValidCase& valid) {
  return fmt::format("{} {} seed={} {}{}{}", case_id(valid.axes), to_json_short(valid.config).dump(), valid.seed,
                     to_string(valid.distribution), valid.is_training ? " train" : "",
                     valid.pass == Pass::both ? " backward" : "");
}

ValidCase random_case(std::mt19937_64& random) {
  Draw draw(random);
  while (true) {
    ValidCase valid;
    valid.seed = static_cast<std::uint64_t>(draw.number(0, 1 << 20));
    const std::int64_t n = draw.once_in(4) ? draw.number(1, 12) : draw.number(13, 260);
    valid.axes = {.batch = draw.number(1, 2),
                  .seq_len = n,
                  .heads = draw.number(1, 6),
                  .head_dim = draw.one_of<std::int64_t>({4, 8, 16, 20, 32, 64}),
                  .dtype = draw.one_of({Dtype::fp32, Dtype::fp32, Dtype::bf16, Dtype::bf16, Dtype::fp16, Dtype::fp64}),
                  .is_causal = draw.once_in(2),
                  .ranks = draw.number(1, 8)};
    draw_pattern(draw, valid);
    draw_extras(draw, valid);
    try {
      ring_of(valid, {});
      return valid;
    } catch (const UsageError&) {  // no meaning: drawn again
    } catch (const Unavailable&) {
    }
  }
}

std::string ValidCases::alarm(const ValidCase& valid) {
  std::unique_ptr<RankWorld>& world = worlds_[valid.axes.ranks];
  if (!world) {
    WorldOptions options;
    options.timeout = kTimeout;
    world = std::make_unique<RankWorld>(static_cast<int>(valid.axes.ranks), std::move(options));
  }
  try {
    const std::unique_ptr<InputSource> inputs = inputs_of(valid);
    const std::unique_ptr<RingAttention> ring = ring_of(valid, inputs->mask_shape());
    ReferenceBook references(*inputs, {});
    const Candidate candidate{.id = "ring", .function_name = "valid", .attention = *ring, .backend = {}, .layout = {}};
    const CaseRecord record =
        examine(valid.axes, candidate, nullptr, *world, *inputs, references, {.with_time = false, .pass = valid.pass})
            .record;
    if (*record.outcome == Outcome::match) return "";
    return record.candidate_against_oracle->passed ? record.words : record.candidate_against_oracle->reason;
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace ringattn::mutants
