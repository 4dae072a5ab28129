#include "attention/inputs.h"
#include "attention/oracle.h"
#include "comm/world.h"
#include "config/workload.h"
#include "legacy/catalogue.h"
#include "legacy/factory.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

// The old implementations with everything that a user can ask for besides: equal to the oracle on any number of ranks.

namespace ringattn {
namespace {

constexpr std::int64_t n = 41, heads = 6;

struct Extra {
  std::string name;
  Problem problem;
  std::string mask = "none";
  double dropout = 0.0;
  std::optional<double> softmax_scale{};
};

std::vector<Extra> extras() {
  const auto problem = [](bool is_causal) { return Problem{.seq_len = n, .heads = heads, .is_causal = is_causal}; };
  std::vector<Extra> list{{"nothing", problem(true)}};
  for (const bool is_causal : {false, true}) {
    list.push_back({"grouped heads", problem(is_causal)});
    list.back().problem.kv_heads = 2;
    list.push_back({"window", problem(is_causal)});
    list.back().problem.window = {7, 3};
    list.push_back({"one side of a window", problem(is_causal)});
    list.back().problem.window = {-1, 2};
    list.push_back({"documents", problem(is_causal)});
    list.back().problem.documents = {0, 5, 18, n};
    for (const char* mask : {"padding", "random", "alibi"}) list.push_back({mask, problem(is_causal), mask});
    list.push_back({"softmax scale", problem(is_causal), "none", 0.0, 0.7});
    for (const double dropout : {0.25, 1.0}) {
      list.push_back({"dropout", problem(is_causal), "none", dropout});
      list.back().problem.is_training = true;
      list.back().problem.dropout_seed = 0xABCDEF0123456789;
    }
  }
  list.push_back({"everything", problem(true), "random", 0.3, 0.2});
  Problem& all = list.back().problem;
  all.kv_heads = 3;
  all.window = {11, 0};
  all.documents = {0, 20, n};
  all.is_training = true;
  all.dropout_seed = 9;
  return list;
}

std::unique_ptr<InputSource> inputs_of(const Extra& extra) {
  GeneratedInputOptions options{.seed = 3, .batch = 2, .seq_len = n, .heads = heads, .head_dim = 4};
  options.kv_heads = extra.problem.kv_heads;
  options.mask = extra.mask;
  return generated_inputs(options);
}

RankInputs rows_of(const InputSource& inputs, const Attention& attention, int rank, int k) {
  const Positions queries = attention.query_positions(rank, k), keys = attention.key_positions(rank, k);
  return {.query = inputs.rows(InputTensor::query, queries, at::kDouble),
          .key = inputs.rows(InputTensor::key, keys, at::kDouble),
          .value = inputs.rows(InputTensor::value, keys, at::kDouble),
          .mask = inputs.mask(attention.function().mask.kind == MaskKind::keys ? keys : queries)};
}

at::Tensor oracle_of(const AttentionFunction& function, const InputSource& inputs) {
  const Positions all{{0, n, 1}};
  const auto rows = [&](InputTensor which) { return inputs.rows(which, all, at::kDouble); };
  return evaluate_oracle(function, rows(InputTensor::query), rows(InputTensor::key), rows(InputTensor::value),
                         {.mask = inputs.mask(all)})
      .out;
}

/// The first entry of each intended function: what they share is tested once.
std::vector<legacy::CatalogueEntry> entries_by_function() {
  std::vector<legacy::CatalogueEntry> entries;
  for (const legacy::CatalogueEntry& entry : legacy::catalogue()) {
    const bool is_new = entry.intended && std::none_of(entries.begin(), entries.end(), [&](const auto& earlier) {
                          return earlier.intended == entry.intended;
                        });
    if (is_new) entries.push_back(entry);
  }
  return entries;
}

TEST_CASE(
    "an old implementation as intended equals its oracle with each extra, and with all of them, for k = 1, 2, 3") {
  for (const Extra& extra : extras()) {
    const auto inputs = inputs_of(extra);
    Problem problem = extra.problem;
    problem.mask = inputs->mask_shape();
    for (const legacy::CatalogueEntry& entry : entries_by_function()) {
      legacy::LegacyOptions options{.segment_lengths = {4, 9, 30}, .dilation_rates = {1, 2, 3}};
      options.dropout = extra.dropout;
      options.softmax_scale = extra.softmax_scale;
      const AttentionFunction function = legacy::make_legacy(entry.name, options, problem, 1)->function();
      const at::Tensor wanted = oracle_of(function, *inputs);
      for (const int k : {1, 2, 3}) {
        CAPTURE(extra.name);
        CAPTURE(entry.name);
        CAPTURE(k);
        const auto attention = legacy::make_legacy(entry.name, options, problem, k);
        REQUIRE(attention->function() == function);
        World world(k);
        world.run([&](Communicator& communicator) {
          const at::Tensor out =
              attention->forward(communicator, rows_of(*inputs, *attention, communicator.rank(), k)).out;
          CHECK(at::allclose(out, wanted, 1e-12, 1e-12));
        });
      }
    }
  }
}

TEST_CASE("an old implementation moves all query heads of grouped keys, and a mask by key with them") {
  World world(2);
  const auto sent = [&](const Problem& problem, const std::string& mask) {
    GeneratedInputOptions options{.batch = 2, .seq_len = n, .heads = heads, .head_dim = 4};
    options.kv_heads = problem.kv_heads;
    options.mask = mask;
    const auto inputs = generated_inputs(options);
    Problem masked = problem;
    masked.mask = inputs->mask_shape();
    const auto attention = legacy::make_legacy("v2", {.segment_lengths = {8}, .dilation_rates = {2}}, masked, 2);
    world.reset_traffic();
    world.run([&](Communicator& communicator) {
      attention->forward(communicator, rows_of(*inputs, *attention, communicator.rank(), 2));
    });
    return world.traffic().sent_bytes(0);
  };
  const Problem plain{.seq_len = n, .heads = heads};
  Problem grouped = plain;
  grouped.kv_heads = 2;
  const std::int64_t rows = 21;  // of rank 0
  CHECK(sent(plain, "none") == 2 * 2 * rows * heads * 4 * 8);
  CHECK(sent(grouped, "none") == sent(plain, "none"));
  CHECK(sent(plain, "padding") == sent(plain, "none") + 2 * rows);
  CHECK(sent(plain, "random") == sent(plain, "none"));
}

}  // namespace
}  // namespace ringattn
