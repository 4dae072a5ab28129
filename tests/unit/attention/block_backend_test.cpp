#include "attention/block_backend.h"

#include "attention/oracle_dropout.h"
#include "config/error.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <numeric>

namespace ringattn {
namespace {

constexpr double kHidden = -std::numeric_limits<double>::infinity();

struct TileShape {
  std::int64_t batch = 2, heads = 3, rows = 37, keys = 29, dim = 16;
};

/// Heads of rows that lie as (batch, rows, heads, dim), as the engine hands them over.
at::Tensor rows_of(std::int64_t batch, std::int64_t heads, std::int64_t rows, std::int64_t dim, at::ScalarType dtype,
                   std::uint64_t seed) {
  at::Generator generator = at::globalContext().defaultGenerator(at::kCPU).clone();
  generator.set_current_seed(seed);
  return at::randn({batch, rows, heads, dim}, generator, at::kDouble).to(dtype).transpose(1, 2);
}

BlockInputs inputs_of(const TileShape& s, at::ScalarType dtype, MaskRule rule = MaskRule::full) {
  return {.query = rows_of(s.batch, s.heads, s.rows, s.dim, dtype, 1),
          .key = rows_of(s.batch, s.heads, s.keys, s.dim, dtype, 2),
          .value = rows_of(s.batch, s.heads, s.keys, s.dim, dtype, 3),
          .rule = rule,
          .softmax_scale = 0.3};
}

/// The formula in fp64, rows without keys 0 and -inf; `factors` multiply the normalised weights.
Partial formula(const BlockInputs& in, const at::Tensor& factors = {}) {
  const auto wide = [](const at::Tensor& t) { return t.to(at::kDouble); };
  at::Tensor scores = at::einsum("bhqd,bhkd->bhqk", {wide(in.query), wide(in.key)}).mul(in.softmax_scale);
  if (in.bias.defined()) scores = scores + wide(in.bias);
  if (in.rule == MaskRule::causal) {
    const at::Tensor later = at::ones({scores.size(2), scores.size(3)}, at::kBool).triu(1);
    scores = scores.masked_fill(later, kHidden);
  }
  const at::Tensor lse = at::logsumexp(scores, -1);
  at::Tensor weights = (scores - lse.unsqueeze(-1)).exp().masked_fill(lse.eq(kHidden).unsqueeze(-1), 0.0);
  if (factors.defined()) weights = weights * factors;
  return {at::einsum("bhqk,bhkd->bhqd", {weights, wide(in.value)}), lse};
}

double worst(const at::Tensor& got, const at::Tensor& want, double bound) {
  REQUIRE(got.sizes() == want.sizes());
  const at::Tensor g = got.to(at::kDouble), w = want.to(at::kDouble);
  const at::Tensor ratio = at::where(g == w, at::zeros_like(w), (g - w).abs() / (bound + bound * w.abs()));
  return at::nan_to_num(ratio, 1e30, 1e30, 1e30).max().item<double>();
}

void check_tile(const BlockBackend& backend, const BlockInputs& in, const at::Tensor& factors = {}) {
  const at::ScalarType dtype = in.query.scalar_type();
  const Partial got = backend.forward(in), want = formula(in, factors);
  const double bound = dtype == at::kDouble ? 1e-13 : dtype == at::kFloat ? 1e-5 : 2e-2;
  INFO(fmt::format("{} {} rule {}", backend.name(), c10::toString(dtype), static_cast<int>(in.rule)));
  CHECK((got.out.scalar_type() == dtype));
  CHECK((got.lse.scalar_type() == (dtype == at::kDouble ? at::kDouble : at::kFloat)));
  CHECK(worst(got.out, want.out, bound) <= 1.0);
  CHECK(worst(got.lse, want.lse, std::min(bound, 1e-3)) <= 1.0);
}

/// The rows that nothing is left to, as the engine states them.
at::Tensor empty_rows_of(const BlockInputs& in) {
  const at::Tensor lse = formula(in).lse;
  return lse.eq(kHidden);
}

template <typename Use>
void for_each_backend(Use use) {
  at::set_num_threads(1);
  for (const auto& backend : {make_reference_backend(), make_sdpa_backend()}) {
    for (const at::ScalarType dtype : {at::kFloat, at::kDouble, at::kBFloat16}) use(*backend, dtype);
  }
}

const std::vector<TileShape> kShapes{{},
                                     {.rows = 29, .keys = 37},
                                     {.rows = 1, .keys = 1},
                                     {.rows = 300, .keys = 5},
                                     {.rows = 5, .keys = 300},
                                     {.rows = 520, .keys = 515, .dim = 8}};

AttentionFunction function_with(double dropout, std::uint64_t seed = 0) {
  AttentionFunction f;
  f.pairs = {{64, 1}};
  f.seq_len = 64;
  f.heads = 8;
  f.dropout = dropout;
  f.dropout_seed = seed;
  return f;
}

}  // namespace

TEST_CASE("full tiles and triangles of any shape equal the formula in every backend and type") {
  for_each_backend([](const BlockBackend& backend, at::ScalarType dtype) {
    for (const TileShape& shape : kShapes) {
      INFO("rows ", shape.rows, " keys ", shape.keys);
      check_tile(backend, inputs_of(shape, dtype));
      check_tile(backend, inputs_of(shape, dtype, MaskRule::causal));
    }
  });
}

TEST_CASE("strided rows, and one key head shared by all query heads, need no copies") {
  for_each_backend([](const BlockBackend& backend, at::ScalarType dtype) {
    const TileShape shape{.rows = 64, .keys = 64};
    BlockInputs in = inputs_of(shape, dtype);
    in.query = in.query.slice(2, 1, std::nullopt, 3);
    in.key = in.key.slice(2, 2, std::nullopt, 4);
    in.value = in.value.slice(2, 2, std::nullopt, 4);
    check_tile(backend, in);
    in.key = in.key.narrow(1, 1, 1).expand(in.key.sizes());
    in.value = in.value.narrow(1, 1, 1).expand(in.value.sizes());
    REQUIRE(in.key.stride(1) == 0);
    check_tile(backend, in);
    in.rule = MaskRule::causal;
    check_tile(backend, in);
  });
}

TEST_CASE("a bias is added whichever of its sizes are 1, under a triangle too") {
  for_each_backend([](const BlockBackend& backend, at::ScalarType dtype) {
    for (const TileShape& shape : {TileShape{}, TileShape{.rows = 300, .keys = 40}}) {
      for (const std::int64_t batch : {std::int64_t{1}, shape.batch}) {
        for (const std::int64_t heads : {std::int64_t{1}, shape.heads}) {
          for (const std::int64_t rows : {std::int64_t{1}, shape.rows}) {
            for (const MaskRule rule : {MaskRule::full, MaskRule::causal}) {
              BlockInputs in = inputs_of(shape, dtype, rule);
              const auto wide = dtype == at::kDouble ? at::kDouble : at::kFloat;
              const at::Tensor wave = at::arange(batch * heads * rows * shape.keys, at::kDouble).mul(0.37).sin();
              // Keys are hidden here and there, so that a few rows lose all and most lose some.
              in.bias = wave.masked_fill(wave.lt(-0.8), kHidden).view({batch, heads, rows, shape.keys}).to(wide);
              in.empty_rows = empty_rows_of(in);
              INFO(fmt::format("bias {}x{}x{}", batch, heads, rows));
              check_tile(backend, in);
            }
          }
        }
      }
    }
  });
}

TEST_CASE("rows that a bias leaves without keys are 0 and -inf, whatever the library returns for them") {
  for_each_backend([](const BlockBackend& backend, at::ScalarType dtype) {
    for (const MaskRule rule : {MaskRule::full, MaskRule::causal}) {
      BlockInputs in = inputs_of({}, dtype, rule);
      const auto wide = dtype == at::kDouble ? at::kDouble : at::kFloat;
      in.bias = at::zeros({1, 1, 37, 29}, wide);
      in.bias[0][0][3].fill_(kHidden);
      in.bias[0][0][36].fill_(kHidden);
      in.bias[0][0].narrow(1, 0, 2).fill_(kHidden);  // a triangle's rows 0 and 1 have no other keys
      in.empty_rows = empty_rows_of(in);
      const Partial got = backend.forward(in);
      for (std::int64_t row = 0; row < 37; ++row) {
        const bool is_empty = row == 3 || row == 36 || (rule == MaskRule::causal && row < 2);
        INFO(backend.name(), " row ", row);
        CHECK(got.out.select(2, row).eq(0.0).all().item<bool>() == is_empty);
        CHECK(got.lse.select(2, row).eq(kHidden).all().item<bool>() == is_empty);
        CHECK(at::isfinite(got.out.select(2, row)).all().item<bool>());
      }
    }
  });
}

TEST_CASE("a tile without any key left is all 0 and -inf") {
  for_each_backend([](const BlockBackend& backend, at::ScalarType dtype) {
    BlockInputs in = inputs_of({}, dtype);
    in.bias = at::full({1, 1, 1, 29}, kHidden, dtype == at::kDouble ? at::kDouble : at::kFloat);
    in.empty_rows = at::ones({1, 1, 1}, at::kBool);
    const Partial got = backend.forward(in);
    CHECK(got.out.eq(0.0).all().item<bool>());
    CHECK(got.lse.eq(kHidden).all().item<bool>());
  });
}

TEST_CASE("the reference backend drops by place, from any batch index, head and position on, past 256 rows") {
  at::set_num_threads(1);
  const AttentionFunction f = function_with(0.3, 0xABCDEF0123456789ULL);
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble, at::kBFloat16}) {
    for (const MaskRule rule : {MaskRule::full, MaskRule::causal}) {
      const TileShape shape{.rows = 300, .keys = 41};
      std::vector<std::int64_t> queries(300), keys(41);
      for (std::size_t i = 0; i < queries.size(); ++i) queries[i] = 5 + 3 * static_cast<std::int64_t>(i);
      for (std::size_t i = 0; i < keys.size(); ++i) keys[i] = static_cast<std::int64_t>(i * i);
      BlockInputs in = inputs_of(shape, dtype, rule);
      in.dropout = BlockDropout{kernels::dropout_rule(f.dropout, f.dropout_seed), 4, 2, queries, keys};
      at::Tensor factors = at::empty({shape.batch, shape.heads, shape.rows, shape.keys}, at::kDouble);
      auto* factor = factors.mutable_data_ptr<double>();
      for (std::int64_t b = 0; b < shape.batch; ++b) {
        for (std::int64_t head = 0; head < shape.heads; ++head) {
          for (const std::int64_t query : queries) {
            for (const std::int64_t key : keys)
              *factor++ = oracle::dropout_keeps(f, 4 + b, 2 + head, query, key) ? 1.0 / 0.7 : 0.0;
          }
        }
      }
      check_tile(*make_reference_backend(), in, factors);
    }
  }
}

TEST_CASE("a named backend runs or says why not; auto takes one that can") {
  CHECK(make_backend(Backend::automatic, function_with(0.0))->name() == "sdpa");
  CHECK(make_backend(Backend::automatic, function_with(0.1))->name() == "reference");
  CHECK(make_backend(Backend::sdpa, function_with(0.0))->name() == "sdpa");
  CHECK(make_backend(Backend::reference, function_with(0.0))->name() == "reference");
  CHECK(make_backend(Backend::reference, function_with(0.1))->name() == "reference");
  CHECK_THROWS_AS(make_backend(Backend::sdpa, function_with(0.1)), Unavailable);
  CHECK_THROWS_AS(make_backend(Backend::fused, function_with(0.0)), Unavailable);
  const std::vector<std::int64_t> positions(64);
  BlockInputs in = inputs_of({}, at::kFloat);
  in.dropout = BlockDropout{kernels::dropout_rule(0.5, 1), 0, 0, positions, positions};
  CHECK_THROWS_AS(make_sdpa_backend()->forward(in), Unavailable);
}

}  // namespace ringattn
