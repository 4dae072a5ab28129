#include "attention/index_sets.h"
#include "attention/oracle.h"
#include "comm/world.h"
#include "legacy/catalogue.h"
#include "legacy/factory.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <vector>

namespace ringattn {
namespace {

struct Sequence {
  at::Tensor query, key, value;  // (batch, n, heads, dim)
};

Sequence sequence(std::int64_t n, std::int64_t heads, at::ScalarType dtype) {
  const auto wave = [&](double frequency) {
    return at::arange(2 * n * heads * 4, at::kDouble).mul(frequency).sin().mul(1.5).view({2, n, heads, 4}).to(dtype);
  };
  return {wave(0.7), wave(1.3), wave(2.1)};
}

at::Tensor rows_at(const at::Tensor& tensor, const Positions& positions) {
  return tensor.index_select(1, at::tensor(expand(positions), at::kLong));
}

/// What each rank returned.
std::vector<at::Tensor> run(World& world, Attention& attention, const Sequence& in) {
  const int k = world.size();
  std::vector<at::Tensor> results(static_cast<std::size_t>(k));
  world.run([&](Communicator& communicator) {
    const int rank = communicator.rank();
    const Positions keys = attention.key_positions(rank, k);
    const RankInputs own{rows_at(in.query, attention.query_positions(rank, k)), rows_at(in.key, keys),
                         rows_at(in.value, keys)};
    results[static_cast<std::size_t>(rank)] = attention.forward(communicator, own).out;
  });
  return results;
}

const std::vector<std::int64_t> segment_lengths{4, 9, 30};
const std::vector<std::int64_t> dilation_rates{1, 2, 3};

}  // namespace

TEST_CASE("an old implementation as intended equals its oracle on every rank, for any n and k") {
  for (const int k : {1, 2, 3, 4, 8}) {
    World world(k);
    for (const legacy::CatalogueEntry& entry : legacy::catalogue()) {
      for (const std::int64_t n : {1, 7, 24, 100}) {
        for (const bool causal : {false, true}) {
          for (const at::ScalarType dtype : {at::kFloat, at::kDouble}) {
            const Sequence in = sequence(n, 5, dtype);
            const auto attention = legacy::make_legacy(entry.name, {segment_lengths, dilation_rates, false, {}},
                                                       {.seq_len = n, .heads = 5, .is_causal = causal}, k);
            const OracleResult wanted = evaluate_oracle(attention->function(), in.query, in.key, in.value);
            const double tolerance = dtype == at::kDouble ? 1e-12 : 1e-5;
            for (const at::Tensor& out : run(world, *attention, in)) {
              CAPTURE(entry.name);
              CAPTURE(n);
              CAPTURE(k);
              REQUIRE((out.scalar_type() == dtype));
              CHECK(at::allclose(out.to(at::kDouble), wanted.out, tolerance, tolerance));
            }
          }
        }
      }
    }
  }
}

TEST_CASE("an old implementation runs with fewer heads than pairs, and in half precision") {
  World world(2);
  for (const legacy::CatalogueEntry& entry : legacy::catalogue()) {
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
      const Sequence in = sequence(24, 2, dtype);
      const auto attention = legacy::make_legacy(entry.name, {segment_lengths, dilation_rates, false, {}},
                                                 {.seq_len = 24, .heads = 2, .is_causal = true}, 2);
      const OracleResult wanted = evaluate_oracle(attention->function(), in.query, in.key, in.value);
      const double tolerance = dtype == at::kFloat ? 1e-5 : dtype == at::kHalf ? 5e-3 : 4e-2;
      for (const at::Tensor& out : run(world, *attention, in)) {
        CHECK(at::allclose(out.to(at::kDouble), wanted.out, tolerance, tolerance));
      }
    }
  }
}

TEST_CASE("an old implementation as intended gathers all of K and V: each rank sends its rows of both to every other") {
  const std::int64_t n = 10;
  const int k = 4;  // shards of 3, 3, 3, 1 rows
  World world(k);
  for (const legacy::CatalogueEntry& entry : legacy::catalogue()) {
    const auto attention =
        legacy::make_legacy(entry.name, {segment_lengths, dilation_rates, false, {}}, {.seq_len = n, .heads = 5}, k);
    world.reset_traffic();
    run(world, *attention, sequence(n, 5, at::kFloat));
    const Traffic traffic = world.traffic();
    const std::int64_t row_bytes = 2 * 5 * 4 * 4;  // batch, heads, dim, fp32
    for (int rank = 0; rank < k; ++rank) {
      const std::int64_t rows = rank == 3 ? 1 : 3;
      CHECK(traffic.sent_bytes(rank) == 2 * (k - 1) * rows * row_bytes);
      CHECK(traffic.received_bytes(rank) == 2 * (n - rows) * row_bytes);
      CHECK(traffic.messages(rank) == 2 * (k - 1));
    }
  }
}

TEST_CASE(
    "the new API's configuration for an old implementation resolves to the same index sets, the guide's only "
    "sometimes") {
  const std::vector<Pair> pairs = legacy::pairs_from(segment_lengths, dilation_rates);
  for (const legacy::CatalogueEntry& entry : legacy::catalogue()) {
    for (const std::int64_t n : {1, 7, 24, 100}) {
      const AttentionFunction intended =
          legacy::intended_function(entry, pairs, {.seq_len = n, .heads = 5, .is_causal = true});
      const auto config = legacy::preserving_config(entry, pairs);
      REQUIRE(config.has_value());
      CHECK_FALSE(first_index_difference(intended, resolve_function(*config, n, 5, true)).has_value());
      const bool guide_preserves = same_index_sets(intended, resolve_function(legacy::guide_config(pairs), n, 5, true));
      CHECK(guide_preserves == (entry.name != "v2"));
    }
  }
}

}  // namespace ringattn
