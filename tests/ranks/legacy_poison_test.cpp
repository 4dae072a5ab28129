#include "attention/attends.h"
#include "comm/world.h"
#include "legacy/catalogue.h"
#include "legacy/factory.h"
#include "tests/support/rank_inputs.h"
#include "tests/support/released_run.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

// One key or value row is changed, on the rank that owns it: the outputs that attend it change, and no others do.

namespace ringattn {
namespace {

using testing::full_inputs;
using testing::NamedTensors;

constexpr std::int64_t batch = 2, poisoned_batch = 1;

/// A copy with row `row` of one batch element set to `value`.
at::Tensor poisoned(const at::Tensor& tensor, std::int64_t row, float value) {
  at::Tensor copy = tensor.clone();
  copy.select(0, poisoned_batch).select(0, row).fill_(value);
  return copy;
}

/// (batch, n, heads): where any feature is another number, or NaN on one side alone.
at::Tensor changed(const at::Tensor& now, const at::Tensor& before) { return now.ne(before).any(-1); }

/// (batch, n, heads): the outputs that attend the key through any pair.
at::Tensor dependents(const AttentionFunction& function, std::int64_t row) {
  at::Tensor result = at::zeros({batch, function.seq_len, function.heads}, at::kBool);
  auto depends = result.accessor<bool, 3>();
  for (std::int64_t query = 0; query < function.seq_len; ++query) {
    for (std::int64_t head = 0; head < function.heads; ++head) {
      for (std::size_t pair = 0; pair < function.pairs.size(); ++pair) {
        depends[poisoned_batch][query][head] |= attends(function, static_cast<std::int64_t>(pair), head, query, row);
      }
    }
  }
  return result;
}

std::vector<at::Tensor> run_intended(World& world, Attention& attention, const RankInputs& full) {
  std::vector<at::Tensor> outs(static_cast<std::size_t>(world.size()));
  world.run([&](Communicator& communicator) {
    const int rank = communicator.rank();
    outs[static_cast<std::size_t>(rank)] =
        attention.forward(communicator, testing::rank_inputs(full, attention, rank, world.size())).out;
  });
  return outs;
}

/// Spoils rows of the keys, then of the values, one at a time.
void check_intended(World& world, Attention& attention, const RankInputs& full) {
  const std::vector<at::Tensor> before = run_intended(world, attention, full);
  for (std::int64_t row = 0; row < full.query.size(1); row += 7) {
    const at::Tensor expected = dependents(attention.function(), row);
    for (const bool is_key : {true, false}) {
      RankInputs bad = full;
      (is_key ? bad.key : bad.value) = poisoned(is_key ? full.key : full.value, row, NAN);
      const std::vector<at::Tensor> now = run_intended(world, attention, bad);
      for (std::size_t rank = 0; rank < now.size(); ++rank) {
        CAPTURE(row);
        CAPTURE(is_key);
        CAPTURE(rank);
        CHECK(at::equal(changed(now[rank], before[rank]), expected));
        CHECK(at::equal(now[rank].isnan().all(-1), expected));
      }
    }
  }
}

/// What can be run as it was meant.
std::vector<const legacy::CatalogueEntry*> entries_with_an_intention() {
  std::vector<const legacy::CatalogueEntry*> entries;
  for (const legacy::CatalogueEntry& entry : legacy::catalogue()) {
    if (entry.intended) entries.push_back(&entry);
  }
  return entries;
}

/// What one rank sees of a row that another number, or NaN, was put into: where its result changes.
at::Tensor changed_by(World& world, const std::string& alias, const NamedTensors& inputs,
                      const legacy::ReleasedArguments& arguments, std::int64_t row, float value, std::size_t rank) {
  NamedTensors bad = inputs;
  bad["value"] = poisoned(bad["value"], row, value);
  const at::Tensor before = testing::run_released(world, alias, inputs, arguments)[rank];
  return changed(testing::run_released(world, alias, bad, arguments)[rank], before);
}

legacy::ReleasedArguments shipped_arguments(const std::vector<std::int64_t>& lengths,
                                            const std::vector<std::int64_t>& rates) {
  legacy::ReleasedArguments arguments;
  arguments.segment_lengths = lengths;
  arguments.dilation_rates = rates;
  arguments.constructor = {
      {"use_flash_attention", false}, {"enable_memory_pool", false}, {"min_seq_length_for_ring", 0}};
  arguments.is_patched = true;
  arguments.patched = "separate receive buffers";
  return arguments;
}

NamedTensors shipped_inputs(std::int64_t n, std::int64_t heads) {
  const RankInputs full = full_inputs(batch, n, heads, 4, at::kFloat);
  return {{"query", full.query}, {"key", full.key}, {"value", full.value}};
}

}  // namespace

TEST_CASE(
    "an old implementation as intended spreads a NaN row of gathered K or V to the outputs that attend it, alone") {
  for (const int k : {2, 3}) {
    World world(k);
    for (const legacy::CatalogueEntry* entry : entries_with_an_intention()) {
      CAPTURE(entry->name);
      CAPTURE(k);
      const auto attention =
          legacy::make_legacy(entry->name, {{4, 8, 16}, {1, 2, 3}, false, {}}, {.seq_len = 16, .heads = 5}, k);
      check_intended(world, *attention, full_inputs(batch, 16, 5, 4, at::kFloat));
    }
  }
}

TEST_CASE("the same where neither the segments nor the ranks divide the rows") {
  for (const int k : {2, 3}) {
    World world(k);
    for (const char* name : {"base", "v2", "v2_collective"}) {
      CAPTURE(name);
      CAPTURE(k);
      const auto attention =
          legacy::make_legacy(name, {{4, 9, 30}, {1, 2, 3}, false, {}}, {.seq_len = 13, .heads = 5}, k);
      check_intended(world, *attention, full_inputs(batch, 13, 5, 4, at::kFloat));
    }
  }
}

TEST_CASE("as intended and causal, a NaN key row and a NaN value row reach the outputs that attend it, alone") {
  for (const int k : {2, 3}) {
    World world(k);
    for (const legacy::CatalogueEntry* entry : entries_with_an_intention()) {
      CAPTURE(entry->name);
      CAPTURE(k);
      const auto attention = legacy::make_legacy(entry->name, {{4, 8, 16}, {1, 2, 3}, false, {}},
                                                 {.seq_len = 16, .heads = 5, .is_causal = true}, k);
      check_intended(world, *attention, full_inputs(batch, 16, 5, 4, at::kFloat));
    }
  }
}

TEST_CASE("as shipped, rings that are full attention spread a NaN value row to every output of its batch element") {
  const std::int64_t n = 12, heads = 4;
  const NamedTensors inputs = shipped_inputs(n, heads);
  at::Tensor expected = at::zeros({batch, n, heads}, at::kBool);
  expected.select(0, poisoned_batch).fill_(true);
  for (const int k : {2, 3}) {
    World world(k);
    for (const char* alias : {"v2_corrected", "v2_simple", "v2_robust", "v2_collective", "v3b", "hybrid_a"}) {
      CAPTURE(alias);
      CAPTURE(k);
      for (const std::int64_t row : {0, 5, 11}) {
        const auto arguments = shipped_arguments({4, 6}, {1, 1});
        CHECK(at::equal(changed_by(world, alias, inputs, arguments, row, NAN, 1), expected));
      }
    }
  }
}

TEST_CASE("as shipped, the hybrid ring spreads a NaN value row to the outputs that attend it, alone") {
  const std::int64_t n = 24, heads = 4;
  const NamedTensors inputs = shipped_inputs(n, heads);
  AttentionFunction function;
  function.pairs = {{6, 1}, {12, 2}};
  function.seq_len = n;
  function.heads = heads;
  function.axes = axes_of(PatternName::dilated);  // its function up to the factor G, where r | w and w | n
  for (const int k : {2, 3}) {
    World world(k);
    const auto arguments = shipped_arguments({6, 12}, {1, 2});
    for (std::int64_t row = 0; row < n; ++row) {
      CAPTURE(row);
      CAPTURE(k);
      CHECK(at::equal(changed_by(world, "hybrid", inputs, arguments, row, NAN, 1), dependents(function, row)));
    }
  }
}

TEST_CASE("as shipped, a NaN value row reaches the outputs that another number reaches, dilated rings included") {
  const std::int64_t n = 24, heads = 4;
  const NamedTensors inputs = shipped_inputs(n, heads);
  for (const int k : {2, 3}) {
    World world(k);
    for (const char* alias : {"v2_corrected", "v2_simple", "v2_robust", "v2_collective", "v3b", "hybrid", "hybrid_a",
                              "hybrid_fixed", "hybrid_opt_v2"}) {
      CAPTURE(alias);
      CAPTURE(k);
      const auto arguments = shipped_arguments({6, 12}, {2, 3});
      for (const std::int64_t row : {0, 7, 13, 22}) {
        CAPTURE(row);
        const auto by = [&](float value) { return changed_by(world, alias, inputs, arguments, row, value, 1); };
        CHECK(at::equal(by(NAN), by(50.0F)));
      }
    }
  }
}

}  // namespace ringattn
