#include "ring/ring_multihead_attention.h"

#include "attention/oracle.h"
#include "attention/safetensors.h"
#include "config/error.h"
#include "ring/gradient_sum.h"
#include "ring/own_rows.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdio>
#include <mutex>
#include <numeric>
#include <optional>
#include <string>

namespace ringattn {
namespace {

constexpr std::int64_t kN = 41, kBatch = 2;

at::Tensor random_x(std::int64_t seq_len, std::int64_t embed, at::ScalarType dtype = at::kFloat) {
  return testing::full_inputs(kBatch, seq_len, 1, embed, dtype, 31).query.squeeze(2);
}

/// Random layers with biases that are not 0.
Projection biased_layers(const ProjectionSizes& sizes, at::ScalarType dtype = at::kFloat) {
  const Projection plain = random_projection(sizes, 5);
  const auto biased = [](const LinearLayer& layer) {
    const std::int64_t rows = layer.weight.size(0);
    return LinearLayer{layer.weight, at::arange(rows, at::kFloat).remainder(7).mul(0.1).sub(0.2)};
  };
  return Projection(sizes, biased(plain.layer(InputTensor::query)), biased(plain.layer(InputTensor::key)),
                    biased(plain.layer(InputTensor::value)), biased(plain.out_layer()))
      .to(dtype);
}

RingAttentionConfig config_of(const std::string& layout = "auto") {
  return testing::ring_config("dilated_keys", "[12, 41]", "[1, 2]", layout);
}

/// What the module returns for all rows, in fp64, without plan, ring or fused layers.
at::Tensor exact(const Projection& layers, const at::Tensor& x, const Problem& problem, const at::Tensor& mask) {
  const Projection wide = layers.to(at::kDouble);
  const at::Tensor rows = x.to(at::kDouble);
  const OracleResult oracle =
      evaluate_oracle(resolve_function(config_of(), problem), wide.project(InputTensor::query, rows),
                      wide.project(InputTensor::key, rows), wide.project(InputTensor::value, rows), {.mask = mask});
  return wide.project_out(oracle.out).flatten(-2);
}

struct TemporaryFile {
  TemporaryFile(const std::string& name, const NamedTensors& tensors)
      : path("ringattn_module_test_" + name + ".safetensors") {
    write_safetensors(path, tensors);
  }
  ~TemporaryFile() { std::remove(path.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  std::string path;
};

at::Tensor rows_at(const at::Tensor& full, const Positions& positions) {
  return full.index_select(1, at::tensor(expand(positions), at::kLong));
}

}  // namespace

TEST_CASE("the module is projections around exact attention at every number of ranks, split before or after") {
  const c10::NoGradGuard no_grad;
  const at::Tensor key_mask = at::arange(kN).remainder(5).gt(0).expand({kBatch, kN});
  const at::Tensor score_mask = (at::arange(kN).view({1, 1, kN, 1}) * 3 + at::arange(kN)).remainder(7).to(at::kFloat);
  for (const std::int64_t kv_heads : {4, 2, 1}) {
    const Projection layers = biased_layers({.heads = 4, .head_dim = 6, .kv_heads = kv_heads});
    const at::Tensor x = random_x(kN, 24);
    for (const at::Tensor& mask : {at::Tensor(), key_mask, score_mask}) {
      for (const bool is_causal : {false, true}) {
        Problem problem{.seq_len = kN, .heads = 4, .is_causal = is_causal, .kv_heads = kv_heads};
        if (mask.defined())
          problem.mask = {mask.dim() == 2 ? MaskKind::keys : MaskKind::scores, false, mask.dim() == 4};
        const at::Tensor expected = exact(layers, x, problem, mask);
        const std::optional<at::Tensor> given = mask.defined() ? std::optional(mask) : std::nullopt;
        for (const int ranks : {1, 2, 3, 4, 8}) {
          INFO(fmt::format("kv_heads={} causal={} k={} mask of {} dimensions", kv_heads, is_causal, ranks,
                           mask.defined() ? mask.dim() : 0));
          spawn_ranks(ranks, [&](Communicator& communicator) {
            const c10::NoGradGuard none_here;
            at::set_num_threads(1);
            RingMultiheadAttention module(layers, config_of(), communicator);
            const at::Tensor whole = module.forward(x, given, is_causal);
            const Positions own = module.positions(kN, is_causal);
            CHECK((whole.sizes() == at::IntArrayRef({kBatch, count(own), 24})));
            CHECK(testing::worst_error(whole, rows_at(expected, own), 1e-5, 1e-5) <= 1.0);

            const Positions shard = module.positions(kN, is_causal, /*already_split=*/true);
            std::optional<at::Tensor> own_mask;
            if (mask.defined()) own_mask = own_rows(mask, shard, mask.dim() == 2 ? 1 : 2);
            const std::optional<std::int64_t> offset =
                shard.empty() ? std::nullopt : std::optional(shard.front().first);
            const at::Tensor split = module.forward(rows_at(x, shard), own_mask, is_causal, true, offset);
            CHECK(testing::worst_error(split, rows_at(expected, shard), 1e-5, 1e-5) <= 1.0);
          });
        }
      }
    }
  }
}

TEST_CASE("shards of any sizes are projected where they lie") {
  const c10::NoGradGuard no_grad;
  const std::vector<std::int64_t> shards{1, 0, 37, 3};
  const Projection layers = biased_layers({.heads = 4, .head_dim = 6, .kv_heads = 2});
  const at::Tensor x = random_x(kN, 24);
  const at::Tensor expected =
      exact(layers, x, {.seq_len = kN, .heads = 4, .is_causal = true, .kv_heads = 2}, at::Tensor());
  spawn_ranks(4, [&](Communicator& communicator) {
    const c10::NoGradGuard none_here;
    const auto rank = static_cast<std::size_t>(communicator.rank());
    const std::int64_t begin = std::accumulate(shards.begin(), shards.begin() + communicator.rank(), std::int64_t{0});
    RingMultiheadAttention module(layers, config_of(), communicator);
    const at::Tensor out = module.forward(x.narrow(1, begin, shards[rank]), {}, true, true, begin);
    CHECK(testing::worst_error(out, expected.narrow(1, begin, shards[rank]), 1e-5, 1e-5) <= 1.0);
  });
}

TEST_CASE("a rank makes nothing of n rows") {
  const std::int64_t n = 4096, embed = 32, ranks = 8;
  const at::Tensor x = random_x(n, embed);
  spawn_ranks(static_cast<int>(ranks), [&](Communicator& communicator) {
    const c10::NoGradGuard no_grad;
    at::set_num_threads(1);
    RingMultiheadAttention module({.embed_dim = embed, .heads = 4},
                                  testing::ring_config("dense", "[4096]", "[1]", "contiguous"), communicator);
    const MemoryMeter meter;
    const at::Tensor out = module.forward(x);
    CHECK(out.size(1) == n / ranks);
    // The largest is query, key and value of its own rows together.
    CHECK(meter.use().largest_bytes == 3 * kBatch * (n / ranks) * embed * 4);
  });
}

TEST_CASE("seeded weights are the same on every rank and others for another seed") {
  std::mutex mutex;
  std::vector<at::Tensor> first;
  spawn_ranks(3, [&](Communicator& communicator) {
    RingMultiheadAttention module({.embed_dim = 24, .heads = 4, .kv_heads = 2, .seed = 9}, config_of(), communicator);
    RingMultiheadAttention other({.embed_dim = 24, .heads = 4, .kv_heads = 2, .seed = 10}, config_of(), communicator);
    const auto named = module.named_parameters();
    REQUIRE(named.size() == 4);
    CHECK(named[0].first == "qkv_proj.weight");
    CHECK((named[0].second.sizes() == at::IntArrayRef({48, 24})));
    CHECK(named[1].first == "qkv_proj.bias");
    CHECK(named[1].second.eq(0).all().item<bool>());
    CHECK(named[2].first == "out_proj.weight");
    CHECK(named[3].first == "out_proj.bias");
    CHECK_FALSE(at::equal(named[0].second, other.parameters()[0]));
    for (const at::Tensor& parameter : module.parameters()) {
      CHECK(parameter.requires_grad());
      CHECK(parameter.is_leaf());
    }
    const std::scoped_lock lock(mutex);
    if (first.empty()) {
      first = module.parameters();
      return;
    }
    for (std::size_t i = 0; i < first.size(); ++i) {
      CHECK(at::equal(first[i], module.parameters()[i]));
      CHECK_FALSE(first[i].data_ptr() == module.parameters()[i].data_ptr());
    }
  });
  spawn_ranks(1, [](Communicator& communicator) {
    const RingMultiheadAttention module({.embed_dim = 24, .heads = 4, .bias = false}, config_of(), communicator);
    CHECK(module.parameters().size() == 2);
  });
}

TEST_CASE("weights go to a file and come back, fused or apart") {
  const ProjectionSizes sizes{.heads = 4, .head_dim = 6, .kv_heads = 2};
  const Projection layers = biased_layers(sizes);
  NamedTensors apart;
  for (const auto& [name, tensor] : named_layers(layers))
    if (!name.starts_with("qkv_proj")) apart.emplace_back(name, tensor);
  spawn_ranks(1, [&](Communicator& communicator) {
    const c10::NoGradGuard no_grad;
    const RingMultiheadAttention module(layers, config_of(), communicator);
    NamedTensors fused;
    for (const auto& [name, parameter] : module.named_parameters()) fused.emplace_back(name, parameter.detach());
    for (const NamedTensors& tensors : {fused, apart}) {
      const TemporaryFile file("weights", tensors);
      const RingMultiheadAttention again(file_projection(file.path, sizes), config_of(), communicator);
      REQUIRE(again.parameters().size() == 4);
      for (std::size_t i = 0; i < 4; ++i) CHECK(at::equal(again.parameters()[i], module.parameters()[i]));
    }
  });
}

TEST_CASE("a bias that only some layers have is 0 for the others") {
  const ProjectionSizes sizes{.heads = 2, .head_dim = 4, .kv_heads = 2};
  const Projection plain = random_projection(sizes, 1);
  const LinearLayer key{plain.layer(InputTensor::key).weight, at::ones({8})};
  const FusedProjection fused =
      fuse({sizes, plain.layer(InputTensor::query), key, plain.layer(InputTensor::value), plain.out_layer()});
  CHECK(at::equal(fused.qkv.bias, at::cat({at::zeros({8}), at::ones({8}), at::zeros({8})})));
  CHECK_FALSE(fused.out.bias.defined());
}

TEST_CASE("sizes, x and offsets that do not fit are refused with what would be right") {
  spawn_ranks(1, [](Communicator& communicator) {
    using Options = RingMultiheadAttention::Options;
    const auto make = [&](const Options& options) { RingMultiheadAttention(options, config_of(), communicator); };
    CHECK_THROWS_WITH_AS(make({.embed_dim = 25, .heads = 4}), "embed_dim: 25, must be a multiple of the 4 heads",
                         UsageError);
    CHECK_THROWS_WITH_AS(make({.embed_dim = 0, .heads = 4}), "embed_dim: 0, must be a multiple of the 4 heads",
                         UsageError);
    CHECK_THROWS_WITH_AS(make({.embed_dim = 24, .heads = 0}), "heads: 0, must be at least 1", UsageError);
    CHECK_THROWS_WITH_AS(make({.embed_dim = 24, .heads = 4, .kv_heads = 3}), "kv_heads: 3, must divide the 4 heads",
                         UsageError);
    RingMultiheadAttention module({.embed_dim = 24, .heads = 4}, config_of(), communicator);
    CHECK_THROWS_WITH_AS(module.forward(at::zeros({1, kN, 23})), "x: shape (1, 41, 23); expected (batch, seq, 24)",
                         UsageError);
    CHECK_THROWS_WITH_AS(module.forward(at::zeros({kN, 24})), "x: shape (41, 24); expected (batch, seq, 24)",
                         UsageError);
    CHECK_THROWS_WITH_AS(module.forward(at::zeros({1, kN, 24}, at::kDouble)),
                         "x: dtype Double; expected the parameters' Float", UsageError);
    CHECK_THROWS_WITH_AS(module.forward(at::zeros({1, kN, 24}), {}, false, false, 3),
                         "shard_offset: 3 given, but already_split is false; x is the whole sequence", UsageError);
  });
}

TEST_CASE("gradients are summed in rank order, the same bits on every rank, absent ones as 0") {
  for (const at::ScalarType dtype : {at::kFloat, at::kDouble, at::kBFloat16}) {
    const auto gradient_of = [&](int rank, std::int64_t which) {
      return testing::full_inputs(1, 3 + which, 1, 5, dtype, static_cast<std::uint64_t>(10 * rank + which))
                 .query.squeeze(2) *
             (rank + 1);
    };
    const at::ScalarType wide = dtype == at::kDouble ? at::kDouble : at::kFloat;
    for (const int ranks : {1, 2, 4}) {
      World world(ranks);
      world.run([&](Communicator& communicator) {
        std::vector<at::Tensor> parameters;
        for (std::int64_t which : {0, 1, 2}) parameters.push_back(at::zeros({1, 3 + which, 5}, dtype).requires_grad_());
        // Rank 0 has no gradient of the first, and nobody has one of the last.
        for (std::int64_t which : {0, 1})
          if (communicator.rank() != which)
            parameters[static_cast<std::size_t>(which)].mutable_grad() = gradient_of(communicator.rank(), which);
        sum_gradients(parameters, communicator);
        for (std::int64_t which : {0, 1}) {
          at::Tensor expected = at::zeros({1, 3 + which, 5}, wide);
          for (int rank = 0; rank < ranks; ++rank)
            if (rank != which) expected = expected + gradient_of(rank, which).to(wide);
          const at::Tensor& got = parameters[static_cast<std::size_t>(which)].grad();
          CHECK((got.scalar_type() == dtype));
          CHECK(at::equal(got, expected.to(dtype)));
        }
        CHECK(parameters[2].grad().eq(0).all().item<bool>());
        CHECK_FALSE(parameters[2].grad().requires_grad());
      });
    }
  }
}

}  // namespace ringattn
