#include "comm/world.h"
#include "tests/support/released_run.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

// Where released classes compute one and the same function, and where they stop doing so: on fresh inputs, against
// plain attention or each other.

namespace ringattn {
namespace {

using testing::NamedTensors;
using testing::Projected;
using testing::projected;

using Lists = std::vector<std::int64_t>;

struct Setting {
  Lists segment_lengths;
  Lists dilation_rates;
};

/// Classes that take x and project it.
bool takes_x(const std::string& alias) {
  static const std::set<std::string> aliases{"v3", "sdpa", "fixed_simple", "memory_efficient", "correct"};
  return aliases.count(alias) > 0;
}

legacy::ReleasedArguments arguments_of(const std::string& alias, const Setting& setting, const Projected& in,
                                       bool is_patched) {
  legacy::ReleasedArguments arguments;
  arguments.segment_lengths = setting.segment_lengths;
  arguments.dilation_rates = setting.dilation_rates;
  arguments.constructor = {{"use_flash_attention", false}, {"enable_memory_pool", false}};
  if (alias == "v2_robust") arguments.constructor["min_seq_length_for_ring"] = 0;
  if (alias == "simple_triton" || alias == "correct") arguments.constructor["use_hilbert"] = false;
  if (takes_x(alias)) {
    arguments.constructor["embed_dim"] = in.embed_dim;
    arguments.constructor["num_heads"] = in.heads;
  }
  arguments.is_patched = is_patched;
  if (is_patched) arguments.patched = "separate receive buffers";
  return arguments;
}

/// What every rank returned as (batch, n, heads, dim); ranks that hold their own rows are joined.
std::vector<at::Tensor> outs_of(World& world, const std::string& alias, const Projected& in, const Setting& setting) {
  const legacy::ReleasedArguments arguments = arguments_of(alias, setting, in, world.size() > 1);
  std::vector<at::Tensor> outs = testing::run_released(world, alias, takes_x(alias) ? in.x : in.qkv, arguments);
  const at::Tensor& query = in.qkv.at("query");
  if (outs.front().size(1) < query.size(1)) outs = {at::cat(outs, 1)};
  for (at::Tensor& out : outs) out = out.reshape(query.sizes());
  return outs;
}

at::Tensor out_of(const std::string& alias, const Projected& in, const Setting& setting) {
  World world(1);
  return outs_of(world, alias, in, setting).front();
}

bool close(const at::Tensor& a, const at::Tensor& b) { return at::allclose(a, b, 1e-4, 1e-5); }

/// softmax(q kᵀ/√dim) v of these heads, over rows [first, first + count).
at::Tensor attention(const Projected& in, std::int64_t first, std::int64_t count) {
  const auto piece = [&](const char* name) { return in.qkv.at(name).narrow(1, first, count).transpose(1, 2); };
  const at::Tensor query = piece("query");
  const double root = std::sqrt(static_cast<double>(query.size(3)));
  return at::softmax(query.matmul(piece("key").transpose(2, 3)) / root, -1).matmul(piece("value")).transpose(1, 2);
}

at::Tensor full_attention(const Projected& in) { return attention(in, 0, in.qkv.at("query").size(1)); }

/// Rows [starts[i], starts[i] + lengths[i]) attend themselves; other rows are 0.
at::Tensor block_diagonal(const Projected& in, const Lists& starts, const Lists& lengths) {
  at::Tensor out = at::zeros_like(in.qkv.at("query"));
  for (std::size_t i = 0; i < starts.size(); ++i) {
    if (lengths[i] > 0) out.narrow(1, starts[i], lengths[i]).copy_(attention(in, starts[i], lengths[i]));
  }
  return out;
}

/// Segments of `length` rows, all heads. length | n.
at::Tensor segments_of(const Projected& in, std::int64_t length) {
  Lists starts;
  for (std::int64_t start = 0; start < in.qkv.at("query").size(1); start += length) starts.push_back(start);
  return block_diagonal(in, starts, Lists(starts.size(), length));
}

/// The first heads of `a`, the others of `b`.
at::Tensor by_heads(const at::Tensor& a, const at::Tensor& b, std::int64_t heads_of_a) {
  return at::cat({a.narrow(2, 0, heads_of_a), b.narrow(2, heads_of_a, b.size(2) - heads_of_a)}, 2);
}

const std::vector<Projected>& several_shapes() {
  static const std::vector<Projected> shapes{projected(1, 24, 5, 4, 11), projected(2, 20, 3, 8, 12),
                                             projected(1, 7, 2, 4, 13), projected(3, 1, 1, 4, 14),
                                             projected(1, 65, 4, 6, 15)};
  return shapes;
}

}  // namespace

TEST_CASE("one undilated segment of all rows, alone: every class that attends over positions is full attention") {
  for (const Projected& in : several_shapes()) {
    const std::int64_t n = in.qkv.at("query").size(1);
    CAPTURE(n);
    for (const char* alias : {"base", "v2", "v2_corrected", "v2_robust", "v2_simple", "v3", "v3a", "v3b", "sdpa",
                              "fixed_simple", "memory_efficient", "correct", "fixed", "hybrid", "hybrid_a",
                              "hybrid_fixed", "production", "simple_triton", "triton_opt"}) {
      CAPTURE(alias);
      CHECK(close(out_of(alias, in, {{n}, {1}}), full_attention(in)));
    }
  }
}

TEST_CASE("a class that mixes heads is none of them: with one head for each pair it returns v/G, whatever q and k") {
  for (const std::int64_t n : {12, 24}) {
    const Projected in = projected(2, n, 2, 4, 21);
    const Setting setting{{n / 2, n}, {1, 2}};
    at::Tensor wanted = in.qkv.at("value") / 2.0;
    wanted.select(2, 1).slice(1, 0, n, 2).zero_();  // pair 1 selects the odd rows
    for (const char* alias : {"improved", "v1", "v2_collective"}) {
      CAPTURE(alias);
      CHECK(close(out_of(alias, in, setting), wanted));
      CHECK_FALSE(close(out_of(alias, in, {{n}, {1}}), full_attention(in)));
    }
  }
}

TEST_CASE("undilated segments that tile the rows: seven families, each by its own rule") {
  for (const Projected& in : {projected(1, 24, 4, 4, 31), projected(2, 48, 6, 8, 32)}) {
    const std::int64_t n = in.qkv.at("query").size(1);
    const std::int64_t a = n / 4, b = n / 2;
    const Setting setting{{a, b}, {1, 1}};
    const at::Tensor by_a = segments_of(in, a), by_b = segments_of(in, b);
    const at::Tensor per_group = by_heads(by_a, by_b, in.heads / 2);
    CHECK(close(2.0 * out_of("base", in, setting), per_group));
    for (const char* alias : {"v2", "v3a", "hybrid", "hybrid_fixed", "production"}) {
      CAPTURE(alias);
      CHECK(close(out_of(alias, in, setting), per_group));
    }
    for (const char* alias : {"v2_robust", "hybrid_a", "v3b", "triton_opt"}) {
      CAPTURE(alias);
      CHECK(close(out_of(alias, in, setting), full_attention(in)));
    }
    const at::Tensor firsts = block_diagonal(in, {0}, {a}) + block_diagonal(in, {0}, {b});
    CHECK(close(out_of("v3", in, setting), firsts / 2.0));
    CHECK(close(out_of("sdpa", in, setting), firsts / 2.0));
    at::Tensor first_rows = full_attention(in).clone();
    first_rows.slice(1, a + b, n).zero_();
    CHECK(close(out_of("fixed", in, setting), first_rows));
    CHECK(close(out_of("correct", in, setting), block_diagonal(in, {0, a}, {a, b})));
    CHECK(close(out_of("simple_triton", in, setting), (by_a + by_b) / 2.0));
  }
}

TEST_CASE("a simulated ring of v2_collective without dilation is full attention") {
  for (const Projected& in : {projected(1, 24, 4, 4, 33), projected(2, 26, 5, 4, 34)}) {
    World world(1);
    for (const std::int64_t ring : {2, 4}) {
      legacy::ReleasedArguments arguments = arguments_of("v2_collective", {{8, 12}, {1, 1}}, in, false);
      arguments.ring_size = ring;
      arguments.constructor["ring_size"] = ring;
      CHECK(close(testing::run_released(world, "v2_collective", in.qkv, arguments).front(), full_attention(in)));
    }
  }
}

TEST_CASE(
    "rates that divide segments that divide the rows: hybrid, production and G times base are one; v2 on rows of "
    "the pair's class") {
  for (const Projected& in : {projected(1, 24, 4, 4, 41), projected(2, 48, 2, 8, 42)}) {
    const std::int64_t n = in.qkv.at("query").size(1);
    const Setting setting{{n / 3, n / 2}, {2, 3}};
    const at::Tensor base = 2.0 * out_of("base", in, setting);
    CHECK(close(out_of("hybrid", in, setting), base));
    CHECK(close(out_of("production", in, setting), base));
    const at::Tensor v2 = out_of("v2", in, setting);
    CHECK_FALSE(close(v2, base));
    for (const std::int64_t pair : {0, 1}) {
      const auto rows = [&](const at::Tensor& out, std::int64_t first) {
        const std::int64_t heads = in.heads / 2;
        return out.narrow(2, pair * heads, heads).slice(1, first, n, setting.dilation_rates[std::size_t(pair)]);
      };
      CHECK(close(rows(v2, pair), rows(base, pair)));
      CHECK(rows(base, 1 - pair).eq(0.0).all().item<bool>());
      CHECK(rows(v2, 1 - pair).ne(0.0).all().item<bool>());
    }
  }
}

TEST_CASE("v3 and sdpa differ only where the rate does not divide the rows and the segment holds all it leaves") {
  for (const std::int64_t n : {20, 21, 24, 25}) {
    const Projected in = projected(2, n, 3, 4, 51);
    for (const std::int64_t w : {4, 10, 12, 13, 20}) {
      for (const std::int64_t r : {1, 2, 3}) {
        CAPTURE(n);
        CAPTURE(w);
        CAPTURE(r);
        if (w > n) continue;
        const bool differ = n % r != 0 && w > n / r;
        CHECK(close(out_of("v3", in, {{w}, {r}}), out_of("sdpa", in, {{w}, {r}})) != differ);
      }
    }
  }
}

TEST_CASE("hybrid and hybrid_fixed coincide where every dilated pair has a single segment") {
  const Projected in = projected(1, 24, 4, 4, 61);
  const auto equal = [&](const Setting& setting) {
    return close(out_of("hybrid", in, setting), out_of("hybrid_fixed", in, setting));
  };
  CHECK(equal({{8, 24}, {1, 2}}));
  CHECK(equal({{24, 30}, {3, 2}}));
  CHECK(equal({{6, 12}, {1, 1}}));
  CHECK_FALSE(equal({{8, 12}, {1, 2}}));
  CHECK_FALSE(equal({{12, 24}, {2, 3}}));
}

TEST_CASE("alone, v2 and what came of it are one function, and so are the classes around the improved one") {
  for (const Projected& in : {projected(1, 24, 4, 4, 71), projected(2, 24, 5, 6, 72)}) {
    const Setting setting{{6, 12, 24}, {1, 2, 3}};
    const at::Tensor v2 = out_of("v2", in, setting);
    for (const char* alias : {"v2_corrected", "v2_fixed", "v3a", "v2_collective_a"}) {
      CAPTURE(alias);
      CHECK(close(out_of(alias, in, setting), v2));
    }
    const at::Tensor improved = out_of("improved", in, setting);
    for (const char* alias : {"v1", "v2_collective", "v2_flash"}) {
      CAPTURE(alias);
      CHECK(close(out_of(alias, in, setting), improved));
    }
    CHECK_FALSE(close(v2, improved));
  }
}

TEST_CASE("several ranks give what one gives for v2_simple, hybrid and hybrid_fixed, and for classes without a ring") {
  const Projected in = projected(2, 24, 4, 4, 81);
  const Setting setting{{8, 12}, {1, 2}};
  for (const int k : {2, 3, 4}) {
    World world(k);
    for (const char* alias : {"v2_simple", "hybrid", "hybrid_fixed", "production"}) {
      CAPTURE(alias);
      CAPTURE(k);
      const at::Tensor alone = out_of(alias, in, setting);
      for (const at::Tensor& out : outs_of(world, alias, in, setting)) CHECK(close(out, alone));
    }
    for (const char* alias : {"v2_corrected", "v2_simple"}) {
      CAPTURE(alias);
      for (const at::Tensor& out : outs_of(world, alias, in, setting)) CHECK(close(out, full_attention(in)));
    }
  }
}

TEST_CASE("several ranks give what one gives for correct where every segment lies in one chunk, only") {
  const Projected in = projected(2, 24, 3, 4, 91);
  World world(2);
  const auto equal = [&](const Setting& setting) {
    return close(outs_of(world, "correct", in, setting).front(), out_of("correct", in, setting));
  };
  CHECK(equal({{12, 12}, {1, 2}}));
  CHECK(equal({{4, 8, 12}, {1, 2, 3}}));
  CHECK_FALSE(equal({{8, 8, 8}, {1, 1, 1}}));
  CHECK_FALSE(equal({{24}, {1}}));
}

}  // namespace ringattn
