#include "ring/factory.h"

#include "attention/oracle.h"
#include "config/config_json.h"
#include "config/error.h"
#include "config/preset.h"
#include "ring/memory_estimate.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <mutex>
#include <string>

// The guide's factory and helpers.

namespace ringattn {
namespace {

RingAttentionConfig pairs_config() { return create_ring_config({16, 32}, {1, 2}); }

template <typename Error, typename Body>
std::string said(Body body) {
  try {
    body();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing";
}

}  // namespace

TEST_CASE("every implementation of the guide is listed, and names itself") {
  const std::vector<std::string> all = get_available_implementations();
  CHECK(all == std::vector<std::string>{"standard", "hilbert", "distributed", "block_sparse"});
  for (const std::string& name : all) CHECK(resolve_implementation(name) == name);
  CHECK(said<UsageError>([] { resolve_implementation("standrad"); }).find("did you mean") != std::string::npos);
}

TEST_CASE("auto follows the guide's rules in their order") {
  RingAttentionConfig config = pairs_config();
  CHECK(resolve_implementation("auto", config, 1) == "standard");
  CHECK(resolve_implementation("auto", config, 4) == "standard");
  const FactoryOptions deepspeed{.distributed = {.deepspeed = deepspeed_from_json_text("{}", "test")}};
  CHECK(resolve_implementation("auto", config, 4, deepspeed) == "distributed");
  CHECK(resolve_implementation("auto", config, 1, deepspeed) == "standard");
  config.use_hilbert = true;
  CHECK(resolve_implementation("auto", config, 4, deepspeed) == "hilbert");
  CHECK(resolve_implementation("auto", config, 4, {.sparsity_ratio = 0.9}) == "block_sparse");
}

TEST_CASE("what the factory makes computes the function, by every name that runs") {
  const RankInputs full = testing::full_inputs(2, 64, 4, 8, at::kDouble);
  const OracleResult oracle =
      evaluate_oracle(resolve_function(pairs_config(), 64, 4, true), full.query, full.key, full.value);
  for (const std::string name : {"auto", "standard", "hilbert", "distributed"}) {
    for (const int ranks : {1, 2, 3, 4, 8}) {
      CAPTURE(name);
      CAPTURE(ranks);
      at::Tensor out = at::zeros_like(full.query);
      std::mutex gather;
      spawn_ranks(ranks, [&](Communicator& communicator) {
        at::set_num_threads(1);
        const auto attention = create_ring_attention(name, pairs_config(), communicator);
        if (name != "auto") CHECK(attention->name() == name);
        const at::Tensor part = attention->forward(full.query, full.key, full.value, {}, true);
        const at::Tensor index = at::tensor(expand(attention->positions(64, 4, true)), at::kLong);
        const std::scoped_lock lock(gather);
        out.index_copy_(1, index, part);
      });
      CHECK(testing::worst_error(out, oracle.out, 1e-12, 1e-12) <= 1.0);
    }
  }
}

TEST_CASE("sparsity_ratio is refused where nothing is sparse") {
  spawn_ranks(1, [](Communicator& communicator) {
    CHECK(said<UsageError>([&] {
            create_ring_attention("standard", pairs_config(), communicator, {.sparsity_ratio = 0.5});
          }) == "sparsity_ratio: 0.5 removes blocks, which \"standard\" does not have; use \"block_sparse\"");
  });
}

TEST_CASE("sparsity_ratio is that of the pattern's blocks, or of the rule local") {
  spawn_ranks(1, [](Communicator& communicator) {
    const auto blocks = [&](const RingAttentionConfig& config) {
      const auto made = create_ring_attention("auto", config, communicator, {.sparsity_ratio = 0.5});
      CHECK(made->name() == "block_sparse");
      return blocks_of(made->config().pattern);
    };
    RingAttentionConfig config = pairs_config();
    CHECK(blocks(config).rule == BlockRule::local);
    CHECK(blocks(config).sparsity_ratio == 0.5);
    config.pattern.blocks = {.rule = BlockRule::dilated, .block_size = 16, .sparsity_ratio = 0.25};
    CHECK(blocks(config).rule == BlockRule::dilated);
    CHECK(blocks(config).block_size == 16);
    CHECK(blocks(config).sparsity_ratio == 0.5);
    config.pattern.blocks.rule = BlockRule::grid;
    CHECK(said<UsageError>([&] {
            create_ring_attention("block_sparse", config, communicator, {.sparsity_ratio = 0.5});
          }).starts_with("sparsity_ratio: 0.5, but the pattern's blocks have the rule grid"));
  });
}

TEST_CASE("a variant's configuration is what its class runs") {
  CHECK(variant_config("hilbert", pairs_config()).use_hilbert);
  const RingAttentionConfig sparse = variant_config("block_sparse", pairs_config());
  CHECK(blocks_of(sparse.pattern).rule == BlockRule::local);
  const Json json = to_json(sparse);
  CHECK(config_from_json(JsonValue(json, "test")) == sparse);
  CHECK(variant_config("distributed", pairs_config()) == pairs_config());
  CHECK(variant_config("auto", pairs_config()) == pairs_config());
}

TEST_CASE("a preset's attention has its configuration, but for what is replaced, checked again") {
  spawn_ranks(2, [](Communicator& communicator) {
    const auto attention = create_ring_attention_from_preset(
        "production", communicator, "standard",
        {{"dropout", "0.25"}, {"segment_lengths", "[64,128]"}, {"dilation_rates", "[1,2]"}});
    CHECK(attention->config().dropout == 0.25);
    CHECK(attention->config().segment_lengths == std::vector<std::int64_t>{64, 128});
    CHECK(attention->config().compile_mode == CompileMode::reduce_overhead);
    CHECK(get_preset_config("production").dropout == 0.0);  // its own copy
    CHECK(said<UsageError>([&] {
            create_ring_attention_from_preset("production", communicator, "standard", {{"segment_lengths", "[64]"}});
          }).find("must have the same length: 1 != 3") != std::string::npos);
    CHECK(said<UsageError>([&] { create_ring_attention_from_preset("prodution", communicator); }).find("production") !=
          std::string::npos);
    CHECK(said<UsageError>([&] {
            create_ring_attention_from_preset("production", communicator, "standard", {{"droput", "0.1"}});
          }).find("dropout") != std::string::npos);
  });
}

TEST_CASE("create_ring_config checks what it makes") {
  CHECK(create_ring_config({8}, {2}, {{"enable_watchdog", "true"}}).enable_watchdog);
  CHECK(said<UsageError>([] { create_ring_config({8, 16}, {2}); }).find("same length") != std::string::npos);
  CHECK(said<UsageError>([] { create_ring_config({8}, {0}); }).find("dilation_rates") != std::string::npos);
}

TEST_CASE("validation refuses what cannot run and advises where the guide divides") {
  const RingAttentionConfig config = create_ring_config({1024, 2048}, {1, 2});
  CHECK(validate_ring_configuration(config, 4096, 4).empty());
  const std::vector<std::string> advice = validate_ring_configuration(config, 1536 + 1, 4);
  CHECK(advice.size() == 2);
  CHECK(advice[0].starts_with("seq_len: 1537 is not divisible by the largest segment length, 2048"));
  CHECK(advice[1].starts_with("seq_len: 1537 is not divisible by the 4 ranks"));
  RingAttentionConfig rings = config;
  rings.ring_size = 3;
  CHECK(said<UsageError>([&] { validate_ring_configuration(rings, 4096, 4); }) ==
        "ring_size: 3 must divide the number of ranks, 4");
  CHECK(said<UsageError>([&] { validate_ring_configuration(config, 0, 4); }).find("seq_len") != std::string::npos);
  CHECK(said<UsageError>([&] { validate_ring_configuration(config, 64, 0); }) == "world_size: 0, must be at least 1");
}

TEST_CASE("the estimate is the plan's: state, two blocks of K and V, and 1/k of it all") {
  const RingAttentionConfig dense = create_ring_config({4096}, {1}, {{"pattern", "dense"}, {"layout", "contiguous"}});
  const Problem problem{.seq_len = 4096, .heads = 8};
  const std::int64_t row = 8 * 64 * 4;  // of one tensor
  const MemoryEstimate one = estimate_memory_usage(dense, problem, {.batch = 2}, 1);
  CHECK(one.input_bytes == 2 * 4096 * 3 * row);
  CHECK(one.forward_bytes == 2 * 4096 * row);  // one kernel call, whose result is the result
  CHECK(one.sent_bytes == 0);
  const MemoryEstimate four = estimate_memory_usage(dense, problem, {.batch = 2}, 4);
  CHECK(four.input_bytes == 2 * 1024 * 3 * row);
  CHECK(four.forward_bytes == 2 * 1024 * (row + 8 * 4) + 2 * (2 * 1024 * 2 * row));
  CHECK(four.sent_bytes == 3 * 2 * 1024 * 2 * row);
  CHECK(four.all_gather_bytes == 2 * 4096 * 2 * row);
  CHECK(four.ratio() < 0.6);
  CHECK(four.backward_bytes > four.forward_bytes);
  RingAttentionConfig rings = dense;
  rings.ring_size = 2;
  CHECK(estimate_memory_usage(rings, problem, {.batch = 2}, 4).input_bytes == 2 * 2048 * 3 * row);
}

}  // namespace ringattn
