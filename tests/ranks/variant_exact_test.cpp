#include "attention/oracle_gradient.h"
#include "config/names.h"
#include "measure/memory_meter.h"
#include "measure/price.h"
#include "ring/factory.h"
#include "ring/own_rows.h"
#include "tests/ranks/ring_run.h"
#include "tests/ranks/variant_choices.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

// Every variant by its class, as training code calls it: the oracle's result and derivatives, at the plan's price.

namespace ringattn {
namespace {

constexpr std::int64_t kBatch = 2, kHeads = 4, kDim = 8;

struct Made {
  std::string name;
  RingAttentionConfig config;
  std::int64_t seq_len = 0;
  int heads_across = 1;  ///< sequence_parallel_size
};

std::vector<Made> made() {
  const std::vector<testing::Variant>& all = testing::variants();
  std::vector<Made> list;
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}})
    list.push_back({"hilbert", testing::config_of(all[i]), all[i].seq_len});
  for (const std::size_t i : {std::size_t{2}, std::size_t{3}})
    list.push_back({"block_sparse", testing::config_of(all[i]), all[i].seq_len});
  const RingAttentionConfig dilated = testing::ring_config("dilated", "[15, 45]", "[1, 2]");
  list.push_back({"distributed", dilated, 103});
  list.push_back({"distributed", dilated, 103, 2});
  for (const std::size_t i : {std::size_t{2}, std::size_t{4}})
    list.push_back({"distributed", testing::config_of(all[i]), all[i].seq_len, 2});
  list.push_back({"standard", dilated, 103});
  return list;
}

/// What a call has besides query, key and value.
struct Setting {
  std::string name;
  bool is_causal = false;
  std::int64_t kv_heads = kHeads;
  bool has_mask = false;
  std::int64_t documents = 1;
};

const std::vector<Setting>& settings() {
  static const std::vector<Setting> list{{.name = "causal", .is_causal = true},
                                         {.name = "mask", .has_mask = true},
                                         {.name = "shared key heads", .is_causal = true, .kv_heads = 2},
                                         {.name = "documents", .documents = 3}};
  return list;
}

/// One problem, and what the oracle says of it.
struct Trial {
  Trial(const Made& made, const Setting& setting)
      : problem{.seq_len = made.seq_len, .heads = kHeads, .is_causal = setting.is_causal, .kv_heads = setting.kv_heads},
        full(testing::full_inputs(kBatch, made.seq_len, kHeads, kDim, at::kDouble, 5, setting.kv_heads)),
        grad_out(testing::full_inputs(kBatch, made.seq_len, kHeads, kDim, at::kDouble, 9).query) {
    const std::int64_t n = made.seq_len;
    for (std::int64_t i = 0; setting.documents > 1 && i <= setting.documents; ++i)
      problem.documents.push_back(i * n / setting.documents);
    if (setting.has_mask) mask = at::arange(n).remainder(7).ne(3).expand({kBatch, n}).contiguous();
    if (setting.has_mask) problem.mask = {.kind = MaskKind::keys};
    const AttentionFunction function = resolve_function(variant_config(made.name, made.config), problem);
    const OracleOptions options{.mask = mask};
    out = evaluate_oracle(function, full.query, full.key, full.value, options).out;
    const OracleGradient oracle =
        evaluate_oracle_gradient(function, full.query, full.key, full.value, grad_out, options);
    gradients = {oracle.query, oracle.key, oracle.value};
  }

  Problem problem;
  RankInputs full;
  at::Tensor grad_out;
  at::Tensor mask;
  at::Tensor out;
  Gradients gradients;
};

FactoryOptions options_of(const Made& made) {
  FactoryOptions options;
  if (made.heads_across > 1)
    options.distributed.deepspeed =
        deepspeed_from_json_text(R"({"sequence_parallel_size":)" + std::to_string(made.heads_across) + "}", "test");
  return options;
}

struct Trained {
  at::Tensor out;
  Gradients gradients;
  std::vector<std::int64_t> counted_bytes;  ///< received forward, as the class's statistics have it
  Traffic traffic;                          ///< forward
};

Trained train(const Made& made, const Trial& trial, int ranks) {
  Trained trained{
      .out = at::full_like(trial.full.query, NAN),
      .gradients = {at::zeros_like(trial.full.query), at::zeros_like(trial.full.key), at::zeros_like(trial.full.value)},
      .counted_bytes = std::vector<std::int64_t>(static_cast<std::size_t>(ranks)),
      .traffic = {}};
  std::mutex gather;
  World world(ranks, {});
  std::vector<std::unique_ptr<StandardRingAttention>> classes(static_cast<std::size_t>(ranks));
  std::vector<at::Tensor> outs(classes.size()), leaves[3];
  for (auto& list : leaves) list.resize(classes.size());
  world.run([&](Communicator& communicator) {
    at::set_num_threads(1);
    const auto r = static_cast<std::size_t>(communicator.rank());
    classes[r] = create_ring_attention(made.name, made.config, communicator, options_of(made));
    classes[r]->set_log([](const std::string&) {});
    classes[r]->set_options({.documents = trial.problem.documents});
    const at::Tensor* inputs[] = {&trial.full.query, &trial.full.key, &trial.full.value};
    for (std::size_t i = 0; i < 3; ++i) leaves[i][r] = inputs[i]->detach().clone().requires_grad_();
    const auto mask = trial.mask.defined() ? std::optional(trial.mask) : std::nullopt;
    outs[r] = classes[r]->forward(leaves[0][r], leaves[1][r], leaves[2][r], mask, trial.problem.is_causal);
    trained.counted_bytes[r] = classes[r]->statistics().total_bytes_received;
  });
  trained.traffic = world.traffic();
  world.run([&](Communicator& communicator) {
    at::set_num_threads(1);
    const auto r = static_cast<std::size_t>(communicator.rank());
    const Positions own =
        classes[r]->positions(trial.problem.seq_len, kHeads, trial.problem.is_causal, false, trial.problem.kv_heads);
    (outs[r] * own_rows(trial.grad_out, own)).sum().backward();
    const std::scoped_lock lock(gather);
    trained.out.index_copy_(1, at::tensor(expand(own), at::kLong), outs[r].detach());
    trained.gradients.query.add_(leaves[0][r].grad());
    trained.gradients.key.add_(leaves[1][r].grad());
    trained.gradients.value.add_(leaves[2][r].grad());
  });
  return trained;
}

bool is_near(const at::Tensor& got, const at::Tensor& want) {
  return testing::worst_error(got, want, 1e-12, 1e-12) <= 1.0;
}

}  // namespace

TEST_CASE("every variant trains as the oracle says, for any number of ranks, and receives what its plan says") {
  for (const Made& each : made()) {
    for (const Setting& setting : settings()) {
      const Trial trial(each, setting);
      for (const int ranks : {1, 2, 3, 4, 8}) {
        if (ranks % each.heads_across != 0) continue;
        CAPTURE(each.name);
        CAPTURE(each.seq_len);
        CAPTURE(each.heads_across);
        CAPTURE(setting.name);
        CAPTURE(ranks);
        const Trained trained = train(each, trial, ranks);
        CHECK(is_near(trained.out, trial.out));
        CHECK(is_near(trained.gradients.query, trial.gradients.query));
        CHECK(is_near(trained.gradients.key, trial.gradients.key));
        CHECK(is_near(trained.gradients.value, trial.gradients.value));
        RingAttention ring(variant_config(each.name, each.config), trial.problem, ranks);
        const CostShape shape =
            cost_shape(price_shape({trial.full.query, trial.full.key, trial.full.value, trial.mask}), ring.function());
        for (int rank = 0; rank < ranks; ++rank) {
          CAPTURE(rank);
          CHECK(trained.counted_bytes[static_cast<std::size_t>(rank)] == trained.traffic.received_bytes(rank));
          if (each.heads_across > 1) continue;  // ulysses_ring_test prices two dimensions
          CHECK(trained.traffic.received_bytes(rank) == cost_of(ring.plan(rank), shape).received_bytes);
        }
      }
    }
  }
}

TEST_CASE("every variant takes the memory of its plan and one kernel call") {
  const Setting setting{.name = "causal", .is_causal = true};
  for (const Made& each : made()) {
    if (each.heads_across > 1) continue;
    const Trial trial(each, setting);
    for (const int ranks : {1, 2, 3, 4, 8}) {
      CAPTURE(each.name);
      CAPTURE(each.seq_len);
      CAPTURE(ranks);
      RingAttention ring(variant_config(each.name, each.config), trial.problem, ranks);
      spawn_ranks(ranks, [&](Communicator& communicator) {
        at::set_num_threads(1);
        const int rank = communicator.rank();
        const RankInputs own = testing::rank_inputs(trial.full, ring, rank, ranks);
        const std::int64_t priced = price_peak(ring, rank, price_shape(own)).peak_bytes();
        RingAttentionConfig config = each.config;
        config.layout =
            parse<Layout>(std::string(to_string(ring.layout().kind)), "layout");  // not that of given shards
        const auto made_class = create_ring_attention(each.name, config, communicator);
        const auto run = [&] {
          return made_class->forward(own.query, own.key, own.value, std::nullopt, true, /*already_split=*/true);
        };
        (void)run();  // plans, and asks for the shards
        const MemoryMeter meter(own.query.device());
        const at::Tensor out = run();
        CHECK(meter.use().peak_bytes == priced);
      });
    }
  }
}

}  // namespace ringattn
