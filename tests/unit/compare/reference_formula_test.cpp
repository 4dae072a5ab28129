#include "compare/reference_formula.h"

#include "attention/oracle.h"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <limits>
#include <vector>

namespace ringattn {
namespace {

/// The problems are tiny: threads would only wait for each other.
struct OneThread {
  int before = at::get_num_threads();
  OneThread() { at::set_num_threads(1); }
  ~OneThread() { at::set_num_threads(before); }
};

struct Sample {
  AttentionFunction function;
  at::Tensor query, key, value, mask;
  std::vector<std::int64_t> rows{};

  FormulaInputs inputs() const {
    const at::Tensor chosen = rows.empty() ? query : query.index_select(1, at::tensor(rows, at::kLong));
    return {function, rows, chosen, key, value, mask};
  }
  OracleResult oracle() const {
    return evaluate_oracle(function, query, key, value, {.query_rows = rows, .mask = mask});
  }
};

/// Tiles with dilated keys; heads in groups, or all with the join.
AttentionFunction function_of(JoinRule join, std::int64_t n, std::int64_t heads) {
  PatternAxes axes;
  axes.placement = Placement::tiles;
  axes.heads = join == JoinRule::mean || join == JoinRule::softmax ? HeadRule::all : HeadRule::last;
  axes.keys = KeyRule::dilated;
  axes.join = join;
  axes.order = OrderRule::hilbert;
  return {axes, {{8, 1}, {20, 3}}, n, heads, true};
}

Sample sample(AttentionFunction function, at::ScalarType dtype, MaskShape mask = {}) {
  at::Generator generator = at::make_generator<at::CPUGeneratorImpl>(11);
  const std::int64_t n = function.seq_len;
  const auto draw = [&](const std::vector<std::int64_t>& shape, at::ScalarType type) {
    return at::randn(shape, generator, at::kFloat).to(type);
  };
  function.mask = mask;
  Sample made{function,
              draw({2, n, function.heads, 16}, dtype),
              draw({2, n, function.key_heads(), 16}, dtype),
              draw({2, n, function.key_heads(), 16}, dtype),
              {}};
  if (mask.kind == MaskKind::none) return made;
  const std::int64_t matrices = mask.is_per_head ? function.heads : 1;
  const at::Tensor noise =
      mask.kind == MaskKind::keys ? draw({2, n}, at::kFloat) : draw({2, matrices, n, n}, at::kFloat);
  const at::Tensor hidden = noise.lt(-1.0);
  made.mask =
      mask.is_additive ? noise.masked_fill(hidden, -std::numeric_limits<float>::infinity()) : hidden.logical_not();
  return made;
}

void check_near(const Partial& seen, const OracleResult& wanted, double tolerance) {
  REQUIRE(seen.out.sizes() == wanted.out.sizes());
  CHECK((seen.out.to(at::kDouble) - wanted.out).abs().max().item<double>() < tolerance);
  REQUIRE(seen.lse.defined() == wanted.lse.defined());
  if (!wanted.lse.defined()) return;
  const at::Tensor empty = wanted.lse.eq(-std::numeric_limits<double>::infinity());
  CHECK(at::equal(seen.lse.to(at::kDouble).eq(-std::numeric_limits<double>::infinity()), empty));
  const at::Tensor error = (seen.lse.to(at::kDouble) - wanted.lse).masked_fill(empty, 0.0).abs();
  CHECK(error.max().item<double>() < tolerance);
}

const std::vector<MaskShape> mask_shapes{{},
                                         {MaskKind::keys, false, false},
                                         {MaskKind::keys, false, true},
                                         {MaskKind::scores, false, false},
                                         {MaskKind::scores, true, true}};

}  // namespace

TEST_CASE("the library's result is the oracle's within fp32, for every join, mask, key heads, scale, window, dropout") {
  const OneThread one_thread;
  for (const JoinRule join : {JoinRule::single, JoinRule::groups, JoinRule::mean, JoinRule::softmax}) {
    for (const MaskShape& mask : mask_shapes) {
      for (const double dropout : {0.0, 0.3, 1.0}) {
        AttentionFunction f = function_of(join, 40, 4);
        f.kv_heads = 2;
        f.softmax_scale = 0.4;
        f.window = {17, -1};
        f.documents = {0, 13, 40};
        f.dropout = dropout;
        const Sample in = sample(f, at::kFloat, mask);
        check_near(library_attention(in.inputs()), in.oracle(), 2e-5);
      }
    }
  }
}

TEST_CASE("the formula in plain operations of a low precision is near the oracle, and has its dtype") {
  const OneThread one_thread;
  for (const at::ScalarType dtype : {at::kBFloat16, at::kHalf}) {
    for (const JoinRule join : {JoinRule::groups, JoinRule::mean, JoinRule::softmax}) {
      for (const MaskShape& mask : mask_shapes) {
        AttentionFunction f = function_of(join, 40, 4);
        f.dropout = join == JoinRule::softmax ? 0.2 : 0.0;
        f.kv_heads = 1;
        const Sample in = sample(f, dtype, mask);
        const Partial plain = plain_attention(in.inputs()), library = library_attention(in.inputs());
        CHECK((plain.out.scalar_type() == dtype));
        CHECK((library.out.scalar_type() == dtype));
        check_near(plain, in.oracle(), 0.15);
        check_near({library.out, plain.lse}, in.oracle(), 0.15);
      }
    }
  }
}

TEST_CASE("chosen rows are those rows of the whole result") {
  AttentionFunction f = function_of(JoinRule::groups, 40, 4);
  f.dropout = 0.25;
  Sample in = sample(f, at::kFloat, {MaskKind::scores, true, false});
  const Partial whole = library_attention(in.inputs());
  in.rows = {39, 4, 21};
  const at::Tensor index = at::tensor(in.rows, at::kLong);
  in.mask = in.mask.index_select(2, index);
  const Partial chosen = library_attention(in.inputs());
  CHECK(at::allclose(chosen.out, whole.out.index_select(1, index), 1e-6, 1e-6));
  check_near(chosen, in.oracle(), 2e-5);
}

TEST_CASE("single-key rows are those with one key after the mask, and none with dropout") {
  PatternAxes axes;
  AttentionFunction f{axes, {{4, 1}}, 4, 2, true};
  Sample in = sample(f, at::kFloat);
  CHECK(at::equal(single_key_rows(in.inputs()), at::tensor({1, 0, 0, 0, 1, 0, 0, 0}).view({1, 2, 4}).to(at::kBool)));
  in.function.mask = {MaskKind::keys, false, false};
  in.mask = at::tensor({1, 1, 1, 1, 0, 1, 0, 1}).view({2, 4}).to(at::kBool);  // batch 1: keys 1 and 3 alone
  const at::Tensor wanted = at::tensor({1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0}).view({2, 2, 4}).to(at::kBool);
  CHECK(at::equal(single_key_rows(in.inputs()), wanted));
  in.function.dropout = 0.5;
  CHECK_FALSE(single_key_rows(in.inputs()).any().item<bool>());
}

}  // namespace ringattn
