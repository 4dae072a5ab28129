#include "attention/index_sets.h"
#include "attention/oracle.h"
#include "comm/world.h"
#include "config/error.h"
#include "legacy/catalogue.h"
#include "legacy/factory.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <algorithm>
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

namespace {

struct Shape {
  std::int64_t n = 0, heads = 0;
  std::vector<std::int64_t> lengths{}, rates{};
};

/// Runs the entry as intended and holds every rank's result against the oracle of its function.
void check_entry(World& world, const legacy::CatalogueEntry& entry, const Shape& shape, bool causal,
                 at::ScalarType dtype, double tolerance) {
  const int k = world.size();
  const Sequence in = sequence(shape.n, shape.heads, dtype);
  const auto attention = legacy::make_legacy(entry.name, {shape.lengths, shape.rates, false, {}},
                                             {.seq_len = shape.n, .heads = shape.heads, .is_causal = causal}, k);
  const OracleResult wanted = evaluate_oracle(attention->function(), in.query, in.key, in.value);
  for (const at::Tensor& out : run(world, *attention, in)) {
    CAPTURE(entry.name);
    CAPTURE(shape.n);
    CAPTURE(causal);
    CAPTURE(k);
    REQUIRE((out.scalar_type() == dtype));
    CHECK(at::allclose(out.to(at::kDouble), wanted.out, tolerance, tolerance));
  }
}

/// Entries that have an intended function; `each_function`: the first of each function alone.
std::vector<const legacy::CatalogueEntry*> intended_entries(bool each_function = false) {
  std::vector<const legacy::CatalogueEntry*> found;
  for (const legacy::CatalogueEntry& entry : legacy::catalogue()) {
    const bool is_known = each_function && std::any_of(found.begin(), found.end(), [&](const auto* other) {
                            return other->intended == entry.intended;
                          });
    if (entry.intended && !is_known) found.push_back(&entry);
  }
  return found;
}

}  // namespace

TEST_CASE("an old implementation as intended equals its oracle on every rank, at one, two and three ranks") {
  at::set_num_threads(1);
  CHECK(intended_entries().size() >= 70);
  for (const int k : {1, 2, 3}) {
    World world(k);
    for (const legacy::CatalogueEntry* entry : intended_entries()) {
      for (const bool causal : {false, true})
        check_entry(world, *entry, {25, 5, segment_lengths, dilation_rates}, causal, at::kDouble, 1e-12);
    }
  }
}

TEST_CASE("every intended function holds for any n, for rates beyond a segment, along curves, and for many ranks") {
  at::set_num_threads(1);
  const std::vector<Shape> shapes{{1, 5, segment_lengths, dilation_rates},
                                  {7, 5, segment_lengths, dilation_rates},
                                  {100, 5, segment_lengths, dilation_rates},
                                  {23, 4, {4, 6, 5}, {6, 1, 9}},
                                  {256, 3, {128, 64}, {3, 2}}};
  for (const int k : {2, 8}) {
    World world(k);
    for (const legacy::CatalogueEntry* entry : intended_entries(true)) {
      for (const Shape& shape : shapes) {
        for (const bool causal : {false, true}) check_entry(world, *entry, shape, causal, at::kFloat, 1e-5);
      }
    }
  }
}

TEST_CASE("an intended function along the turned walk is refused where the walk is no permutation") {
  World world(1);
  const Sequence in = sequence(192, 2, at::kFloat);
  const auto attention =
      legacy::make_legacy("hilbert_optimized_fixed", {{96}, {2}, false, {}}, {.seq_len = 192, .heads = 2}, 1);
  CHECK_THROWS_AS(run(world, *attention, in), UsageError);
}

TEST_CASE("an old implementation runs with fewer heads than pairs, and in half precision") {
  at::set_num_threads(1);
  World world(2);
  for (const legacy::CatalogueEntry* entry : intended_entries(true)) {
    for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kHalf}) {
      const double tolerance = dtype == at::kFloat ? 1e-5 : dtype == at::kHalf ? 5e-3 : 4e-2;
      check_entry(world, *entry, {24, 2, segment_lengths, dilation_rates}, true, dtype, tolerance);
    }
  }
}

TEST_CASE("an old implementation as intended gathers all of K and V: each rank sends its rows of both to every other") {
  const std::int64_t n = 10;
  const int k = 4;  // shards of 3, 3, 3, 1 rows
  World world(k);
  for (const legacy::CatalogueEntry* entry : intended_entries(true)) {
    const auto attention =
        legacy::make_legacy(entry->name, {segment_lengths, dilation_rates, false, {}}, {.seq_len = n, .heads = 5}, k);
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
  for (const legacy::CatalogueEntry* entry : intended_entries()) {
    for (const std::int64_t n : {1, 24}) {
      const AttentionFunction intended =
          legacy::intended_function(*entry, pairs, {.seq_len = n, .heads = 5, .is_causal = true});
      const auto config = legacy::preserving_config(*entry, pairs);
      REQUIRE(config.has_value());
      CAPTURE(entry->name);
      CHECK_FALSE(first_index_difference(intended, resolve_function(*config, n, 5, true)).has_value());
      const bool guide_preserves = same_index_sets(intended, resolve_function(legacy::guide_config(pairs), n, 5, true));
      if (n == 24) CHECK(guide_preserves == (intended.axes == axes_of(PatternName::dilated)));
    }
  }
}

}  // namespace ringattn
