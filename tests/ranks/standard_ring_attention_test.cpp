#include "attention/oracle.h"
#include "config/error.h"
#include "ring/factory.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <numeric>
#include <optional>

namespace ringattn {
namespace {

/// The text of the UsageError or Unavailable that `body` throws on one rank alone.
template <typename Error, typename Body>
std::string message_of(Body body) {
  std::string message = "nothing was thrown";
  spawn_ranks(1, [&](Communicator& communicator) {
    try {
      body(communicator);
    } catch (const Error& error) {
      message = error.what();
    }
  });
  return message;
}

}  // namespace

TEST_CASE("whole inputs and the rank's own rows give the same rows") {
  const RankInputs full = testing::full_inputs(2, 37, 4, 8, at::kFloat);
  const RingAttentionConfig config = testing::ring_config("dilated", "[12, 37]", "[1, 2]", "contiguous");
  spawn_ranks(3, [&](Communicator& communicator) {
    const auto attention = create_ring_attention("standard", config, communicator);
    const at::Tensor whole = attention->forward(full.query, full.key, full.value, {}, true);
    const Positions own = attention->positions(37, 4, true, true);
    const at::Tensor index = at::tensor(expand(own), at::kLong);
    const auto rows = [&](const at::Tensor& tensor) { return tensor.index_select(1, index); };
    const at::Tensor split =
        attention->forward(rows(full.query), rows(full.key), rows(full.value), {}, true, /*already_split=*/true);
    CHECK(at::equal(whole, split));
    CHECK(whole.size(1) == count(own));
  });
}

TEST_CASE("the logsumexp comes with the rows and the dtype is the inputs'") {
  const RankInputs full = testing::full_inputs(1, 20, 2, 8, at::kBFloat16);
  spawn_ranks(2, [&](Communicator& communicator) {
    StandardRingAttention attention(testing::ring_config("dense", "[20]", "[1]"), communicator);
    const Partial part = attention.forward_with_lse(full.query, full.key, full.value);
    CHECK((part.out.scalar_type() == at::kBFloat16));
    CHECK((part.lse.scalar_type() == at::kFloat));
    CHECK((part.lse.sizes() == at::IntArrayRef({1, 2, 10})));
  });
}

TEST_CASE("masks, shared key heads, windows and documents give the same rows split before and after") {
  const RankInputs full = testing::full_inputs(2, 37, 4, 8, at::kFloat);
  const at::Tensor key = full.key.narrow(2, 0, 2), value = full.value.narrow(2, 0, 2);
  const at::Tensor key_mask = at::arange(37).remainder(5).gt(0).expand({2, 37});
  const at::Tensor score_mask = (at::arange(37).view({1, 1, 37, 1}) * 3 + at::arange(37)).remainder(7).to(at::kFloat);
  for (const at::Tensor& mask : {key_mask, score_mask}) {
    spawn_ranks(3, [&](Communicator& communicator) {
      StandardRingAttention attention(testing::ring_config("dense", "[37]", "[1]", "contiguous"), communicator);
      attention.set_options({.window = {9, -1}, .documents = {0, 11, 37}});
      const Partial whole = attention.forward_with_lse(full.query, key, value, mask, true);
      const Positions own = attention.positions(37, 4, true, true);
      const at::Tensor index = at::tensor(expand(own), at::kLong);
      const auto rows = [&](const at::Tensor& tensor) { return tensor.index_select(1, index); };
      const at::Tensor own_mask = mask.dim() == 2 ? rows(mask) : mask.index_select(2, index);
      const Partial split = attention.forward_with_lse(rows(full.query), rows(key), rows(value), own_mask, true, true);
      CHECK(at::equal(whole.out, split.out));
      const OracleResult oracle =
          evaluate_oracle({.axes = {},
                           .pairs = {{37, 1}},
                           .seq_len = 37,
                           .heads = 4,
                           .is_causal = true,
                           .kv_heads = 2,
                           .window = {9, -1},
                           .documents = {0, 11, 37},
                           .mask = {mask.dim() == 2 ? MaskKind::keys : MaskKind::scores, false, mask.dim() == 4}},
                          full.query, key, value, {.mask = mask});
      CHECK(testing::worst_error(whole.out, oracle.out.index_select(1, index), 1e-5, 1e-5) <= 1.0);
      CHECK(testing::worst_error(whole.lse, oracle.lse.index_select(2, index), 1e-5, 1e-5) <= 1.0);
    });
  }
}

TEST_CASE("a mask of another shape or dtype is refused with the shapes that would do") {
  const RankInputs full = testing::full_inputs(1, 8, 1, 4, at::kFloat);
  const auto message = [&](const at::Tensor& mask) {
    return message_of<UsageError>([&](Communicator& communicator) {
      StandardRingAttention(testing::ring_config("dense", "[8]", "[1]"), communicator)
          .forward(full.query, full.key, full.value, mask);
    });
  };
  CHECK(message(at::ones({1, 9}, at::kBool)).starts_with("attention_mask: shape (1, 9); expected (1 or 1, 8)"));
  CHECK(message(at::ones({8, 8}, at::kBool)).starts_with("attention_mask: shape (8, 8)"));
  CHECK(message(at::ones({1, 8}, at::kLong)).starts_with("attention_mask: dtype Long"));
}

TEST_CASE("unequal shapes and dtypes are named") {
  const RankInputs full = testing::full_inputs(1, 8, 1, 4, at::kFloat);
  const auto forward = [&](const at::Tensor& key, const at::Tensor& value) {
    return message_of<UsageError>([&](Communicator& communicator) {
      StandardRingAttention(testing::ring_config("dense", "[8]", "[1]"), communicator).forward(full.query, key, value);
    });
  };
  CHECK(
      forward(full.key.narrow(1, 0, 7), full.value).find("key: shape (1, 7, 1, 4) differs from query's (1, 8, 1, 4)") ==
      0);
  CHECK(forward(full.key, full.value.to(at::kDouble)).find("value: dtype Double differs from query's Float") == 0);
}

TEST_CASE("shards of any sizes give the rows of the whole sequence, with the offset said or not") {
  const RankInputs full = testing::full_inputs(2, 41, 4, 8, at::kFloat, 7, 2);
  const at::Tensor key_mask = at::arange(41).remainder(5).gt(0).expand({2, 41});
  const at::Tensor score_mask = (at::arange(41).view({1, 1, 41, 1}) * 3 + at::arange(41)).remainder(7).to(at::kFloat);
  for (const std::vector<std::int64_t>& shards :
       {std::vector<std::int64_t>{1, 0, 37, 3}, {41, 0}, {0, 41}, {14, 14, 13}}) {
    for (const at::Tensor& mask : {at::Tensor(), key_mask, score_mask}) {
      INFO(fmt::format("shards {} mask of {} dimensions", fmt::join(shards, ", "), mask.defined() ? mask.dim() : 0));
      spawn_ranks(static_cast<int>(shards.size()), [&](Communicator& communicator) {
        const int rank = communicator.rank();
        StandardRingAttention attention(testing::ring_config("dilated_keys", "[12, 41]", "[1, 2]"), communicator);
        attention.set_options({.window = {19, -1}, .documents = {0, 11, 41}});
        const std::int64_t begin = std::accumulate(shards.begin(), shards.begin() + rank, std::int64_t{0});
        const auto rows = [&](const at::Tensor& tensor, int dim) {
          return tensor.narrow(dim, begin, shards[static_cast<std::size_t>(rank)]);
        };
        std::optional<at::Tensor> own_mask;
        if (mask.defined()) own_mask = rows(mask, mask.dim() == 2 ? 1 : 2);
        const auto forward = [&](std::optional<std::int64_t> offset) {
          return attention.forward_with_lse(rows(full.query, 1), rows(full.key, 1), rows(full.value, 1), own_mask, true,
                                            /*already_split=*/true, offset);
        };
        const Partial split = forward(std::nullopt);
        // Every other rank says where it stands.
        CHECK(at::equal(split.out, forward(rank % 2 == 0 ? std::optional(begin) : std::nullopt).out));
        StandardRingAttention whole(testing::ring_config("dilated_keys", "[12, 41]", "[1, 2]", "contiguous"),
                                    communicator);
        whole.set_options({.window = {19, -1}, .documents = {0, 11, 41}});
        const Partial own = whole.forward_with_lse(full.query, full.key, full.value,
                                                   mask.defined() ? std::optional(mask) : std::nullopt, true);
        const OracleResult oracle =
            evaluate_oracle(resolve_function(testing::ring_config("dilated_keys", "[12, 41]", "[1, 2]"),
                                             {.seq_len = 41,
                                              .heads = 4,
                                              .is_causal = true,
                                              .kv_heads = 2,
                                              .window = {19, -1},
                                              .documents = {0, 11, 41},
                                              .mask = {!mask.defined()   ? MaskKind::none
                                                       : mask.dim() == 2 ? MaskKind::keys
                                                                         : MaskKind::scores,
                                                       false, mask.defined() && mask.dim() == 4}}),
                            full.query, full.key, full.value, {.mask = mask});
        CHECK(testing::worst_error(split.out, rows(oracle.out, 1), 1e-5, 1e-5) <= 1.0);
        CHECK(testing::worst_error(split.lse, rows(oracle.lse, 2), 1e-5, 1e-5) <= 1.0);
        const Positions whole_rows = whole.positions(41, 4, true);
        const at::Tensor index = at::tensor(expand(whole_rows), at::kLong);
        CHECK(testing::worst_error(own.out, oracle.out.index_select(1, index), 1e-5, 1e-5) <= 1.0);
      });
    }
  }
}

namespace {

/// What each rank is told when it calls with so many rows, and where it says that they begin.
std::vector<std::string> refusals(const std::string& layout, const std::vector<std::int64_t>& shards,
                                  const std::vector<std::optional<std::int64_t>>& offsets, bool already_split = true) {
  const RankInputs full = testing::full_inputs(1, 9, 1, 4, at::kFloat);
  std::vector<std::string> messages(shards.size(), "nothing was thrown");
  spawn_ranks(static_cast<int>(shards.size()), [&](Communicator& communicator) {
    StandardRingAttention attention(testing::ring_config("dense", "[9]", "[1]", layout), communicator);
    const auto rank = static_cast<std::size_t>(communicator.rank());
    const auto shard = [&](const at::Tensor& tensor) { return tensor.narrow(1, 0, shards[rank]); };
    try {
      attention.forward(shard(full.query), shard(full.key), shard(full.value), {}, false, already_split, offsets[rank]);
    } catch (const UsageError& error) {
      messages[rank] = error.what();
    }
  });
  return messages;
}

}  // namespace

TEST_CASE("shards and offsets that contradict the layout are refused on every rank, with rank, rows and sizes") {
  const std::string sizes = "already_split: rank 0 has 3 rows, but layout zigzag gives it 5 of 9; the ranks have 3, 6";
  CHECK(refusals("zigzag", {3, 6}, {{}, {}}) == std::vector(2, sizes));
  const std::string offset = "shard_offset: rank 1 says 4, but its rows begin at 3: the ranks have 3, 6 rows";
  CHECK(refusals("auto", {3, 6}, {0, 4}) == std::vector(2, offset));
  CHECK(refusals("contiguous", {3, 6}, {{}, 4}) == std::vector(2, offset));
  CHECK(refusals("auto", {3, 6}, {-1, 3})[1] ==
        "shard_offset: rank 0 says -1, but its rows begin at 0: the ranks have 3, 6 rows");
  const std::string dealt = "shard_offset: rank 0 says 0, but under layout striped a shard is no single run of rows";
  CHECK(refusals("striped", {5, 4}, {0, {}}) == std::vector(2, dealt));
  CHECK(refusals("auto", {9, 9}, {0, 0}, false)[0] ==
        "shard_offset: 0 given, but already_split is false; the rows are the whole sequence");
  CHECK(refusals("auto", {0, 0}, {{}, {}})[0].starts_with("seq_len: "));
}

TEST_CASE("the factory knows the guide's names") {
  const RingAttentionConfig config = testing::ring_config("dense", "[8]", "[1]");
  CHECK(message_of<UsageError>([&](Communicator& c) {
          create_ring_attention("standart", config, c);
        }).find("did you mean \"standard\"") != std::string::npos);
  CHECK(message_of<Unavailable>([&](Communicator& c) {
          RingAttentionConfig fused = config;
          fused.backend = Backend::fused;
          create_ring_attention("auto", fused, c);
        }).find("backend: \"fused\"") == 0);
}

TEST_CASE("a preset's configuration is the guide's") {
  const RingAttentionConfig config = get_preset_config("production");
  CHECK((config.segment_lengths == std::vector<std::int64_t>{2048, 4096, 8192}));
  CHECK((config.dilation_rates == std::vector<std::int64_t>{1, 2, 4}));
  CHECK((config.compile_mode == CompileMode::reduce_overhead));
  CHECK_THROWS_AS(get_preset_config("produktion"), UsageError);
}

}  // namespace ringattn
