#include "attention/oracle_gradient.h"
#include "config/error.h"
#include "config/json.h"
#include "ring/distributed_ring_attention.h"
#include "ring/own_rows.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <string>
#include <unistd.h>
#include <vector>

// DistributedRingAttention: DeepSpeed's configuration, two dimensions of ranks in training, monitoring.

namespace ringattn {
namespace {

namespace fs = std::filesystem;
constexpr std::int64_t kRows = 45, kHeads = 4, kDim = 8;

std::string refusal(const std::string& text) {
  try {
    deepspeed_from_json_text(text, "ds.json");
  } catch (const UsageError& error) {
    return error.what();
  }
  return "nothing";
}

bool mentions(const std::vector<std::string>& lines, const std::string& text) {
  for (const std::string& line : lines) {
    if (line.find(text) != std::string::npos) return true;
  }
  return false;
}

RingAttentionConfig config_of() { return testing::ring_config("dilated", "[15, 45]", "[1, 2]"); }

struct Trained {
  at::Tensor out;
  Gradients gradients;
  double compression_error = 0.0;
  std::vector<std::string> said{};
};

/// One training step on `ranks` ranks, each given the whole inputs or its own rows.
Trained train(const RankInputs& full, const at::Tensor& grad_out, int ranks, const DistributedOptions& options,
              bool already_split, const RingAttentionConfig& config = config_of()) {
  Trained trained{at::zeros_like(full.query),
                  {at::zeros_like(full.query), at::zeros_like(full.key), at::zeros_like(full.value)}};
  std::mutex gather;
  spawn_ranks(ranks, [&](Communicator& communicator) {
    at::set_num_threads(1);
    DistributedRingAttention attention(config, communicator, options);
    attention.set_log([&](const std::string& line) {
      const std::scoped_lock lock(gather);
      trained.said.push_back(line);
    });
    const Positions own = attention.positions(kRows, kHeads, true, already_split);
    const auto leaf = [&](const at::Tensor& tensor) {
      return (already_split ? own_rows(tensor, own) : tensor).detach().clone().requires_grad_();
    };
    const at::Tensor query = leaf(full.query), key = leaf(full.key), value = leaf(full.value);
    const at::Tensor out = attention.forward(query, key, value, std::nullopt, true, already_split);
    (out * own_rows(grad_out, own)).sum().backward();
    const at::Tensor index = at::tensor(expand(own), at::kLong);
    const std::scoped_lock lock(gather);
    trained.out.index_copy_(1, index, out.detach());
    const auto add = [&](at::Tensor& to, const at::Tensor& part) {
      already_split ? to.index_add_(1, index, part) : to.add_(part);
    };
    add(trained.gradients.query, query.grad());
    add(trained.gradients.key, key.grad());
    add(trained.gradients.value, value.grad());
    trained.compression_error = std::max(trained.compression_error, attention.compression_error());
  });
  return trained;
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("a DeepSpeed configuration: what means something acts, the rest is named") {
  const DeepSpeedSettings settings = deepspeed_from_json_text(
      R"({"train_batch_size": 8, "bf16": {"enabled": true}, "fp16": {"enabled": false, "loss_scale": 0},
          "sequence_parallel_size": 2, "zero_optimization": {"stage": 2, "offload_optimizer": {"device": "cpu"}},
          "comms_logger": {"enabled": true, "verbose": false}, "wall_clock_breakdown": true,
          "flops_profiler": {"enabled": true, "profile_step": 3, "module_depth": -1},
          "communication_data_type": "bf16", "wall_clock_breakdwn": 1})",
      "ds.json");
  CHECK(settings.is_given);
  CHECK((settings.dtype == Dtype::bf16));
  CHECK(settings.sequence_parallel_size == 2);
  CHECK(settings.logs_communication);
  CHECK(settings.logs_time);
  CHECK(settings.profiles_flops);
  CHECK(settings.profile_step == 3);
  CHECK((settings.communication_dtype == Dtype::bf16));
  for (const char* key : {"train_batch_size", "fp16.loss_scale", "zero_optimization", "comms_logger.verbose",
                          "flops_profiler.module_depth", "wall_clock_breakdwn"}) {
    CAPTURE(key);
    CHECK(mentions(settings.warnings, key));
  }
  CHECK(settings.warnings.size() == 6);
  const RingAttentionConfig config = with_deepspeed(config_of(), settings);
  CHECK((config.dtype == Dtype::bf16));
  CHECK(config.log_communication_stats);
}

TEST_CASE("a DeepSpeed configuration that is wrong is refused by its key") {
  CHECK(refusal("{") != "nothing");
  CHECK(refusal("[]").find("must be an object") != std::string::npos);
  CHECK(refusal(R"({"sequence_parallel_size": 0})").find("/sequence_parallel_size") != std::string::npos);
  CHECK(refusal(R"({"bf16": true})").find("/bf16") != std::string::npos);
  CHECK(refusal(R"({"bf16": {"enabled": true}, "fp16": {"enabled": true}})").find("only one of") != std::string::npos);
  CHECK(refusal(R"({"communication_data_type": "int8"})").find("must be one of") != std::string::npos);
  CHECK(refusal(R"({"wall_clock_breakdown": "yes"})").find("/wall_clock_breakdown") != std::string::npos);
  RingAttentionConfig fp32 = config_of();
  fp32.dtype = Dtype::fp32;
  CHECK_THROWS_AS(with_deepspeed(fp32, deepspeed_from_json_text(R"({"fp16": {"enabled": true}})", "ds.json")),
                  UsageError);
}

TEST_CASE("a training step in two dimensions of ranks has the oracle's numbers") {
  const RankInputs full = testing::full_inputs(2, kRows, kHeads, kDim, at::kDouble);
  const at::Tensor grad_out = testing::full_inputs(2, kRows, kHeads, kDim, at::kDouble, 9).query;
  const AttentionFunction function = resolve_function(config_of(), kRows, kHeads, true);
  const OracleResult forward = evaluate_oracle(function, full.query, full.key, full.value);
  const OracleGradient backward = evaluate_oracle_gradient(function, full.query, full.key, full.value, grad_out);
  for (const std::pair<int, int>& dimension : {std::pair{1, 1}, {2, 2}, {3, 1}, {4, 2}, {8, 2}, {8, 4}}) {
    const int ranks = dimension.first, inner = dimension.second;
    for (const bool already_split : {false, true}) {
      CAPTURE(ranks);
      CAPTURE(inner);
      CAPTURE(already_split);
      DistributedOptions options;
      options.deepspeed.sequence_parallel_size = inner;
      RingAttentionConfig config = config_of();
      config.validate_gradients = true;
      const Trained got = train(full, grad_out, ranks, options, already_split, config);
      CHECK(testing::worst_error(got.out, forward.out, 1e-12, 1e-12) <= 1.0);
      CHECK(testing::worst_error(got.gradients.query, backward.query, 1e-12, 1e-12) <= 1.0);
      CHECK(testing::worst_error(got.gradients.key, backward.key, 1e-12, 1e-12) <= 1.0);
      CHECK(testing::worst_error(got.gradients.value, backward.value, 1e-12, 1e-12) <= 1.0);
      CHECK(mentions(got.said, "validate_gradients: all rows agree"));
    }
  }
}

TEST_CASE("derivatives that travel in bf16 are off by what is reported, and no more") {
  const RankInputs full = testing::full_inputs(1, kRows, kHeads, kDim, at::kFloat);
  const at::Tensor grad_out = testing::full_inputs(1, kRows, kHeads, kDim, at::kFloat, 9).query;
  const auto step = [&](const char* deepspeed) {
    return train(full, grad_out, 4, {.deepspeed = deepspeed_from_json_text(deepspeed, "ds.json")}, true);
  };
  const Trained exact = step("{}"), rounded = step(R"({"communication_data_type": "bf16"})");
  CHECK(exact.compression_error == 0.0);
  CHECK(rounded.compression_error > 1e-4);
  CHECK(rounded.compression_error < 4e-3);                           // half a unit in the eighth bit
  CHECK(at::equal(rounded.gradients.query, exact.gradients.query));  // dq stays at home
  const auto off = [](const at::Tensor& a, const at::Tensor& b) {
    return ((a - b).square().sum() / b.square().sum()).sqrt().item<double>();
  };
  CHECK(off(rounded.gradients.key, exact.gradients.key) > 0.0);
  CHECK(off(rounded.gradients.key, exact.gradients.key) < 4e-3);
  CHECK(off(rounded.gradients.value, exact.gradients.value) < 4e-3);
}

TEST_CASE("monitoring: a line for each call and totals for a scraper") {
  const fs::path folder = fs::temp_directory_path() / fmt::format("ringattn_monitoring_{}", ::getpid());
  fs::remove_all(folder);
  const RankInputs full = testing::full_inputs(1, kRows, kHeads, kDim, at::kFloat);
  WorldOptions failing;
  failing.inject_fault = [](const CopyAttempt& a) { return a.to == 1 && a.attempt == 1; };
  RingAttentionConfig config = config_of();
  config.retry_delay = 0.0;
  std::vector<std::int64_t> sent(2);
  World world(2, failing);
  world.run([&](Communicator& communicator) {
    at::set_num_threads(1);
    DistributedRingAttention attention(
        config, communicator,
        {.monitoring_folder = folder, .meter = [](const c10::Device& device, const std::function<void()>& call) {
           const MemoryMeter meter(device);
           call();
           return meter.use().peak_bytes;
         }});
    for (int i = 0; i < 3; ++i) (void)attention.forward(full.query, full.key, full.value, {}, true);
  });
  for (int rank = 0; rank < 2; ++rank) {
    CAPTURE(rank);
    std::istringstream lines(text_of(folder / fmt::format("rank{}.jsonl", rank)));
    std::string line;
    std::int64_t count = 0, bytes = 0;
    Json last;
    while (std::getline(lines, line)) {
      last = Json::parse(line);
      CHECK(last["forward"] == ++count);
      CHECK(last["rank"] == rank);
      CHECK(last["peak_bytes"].get<std::int64_t>() > 0);
      CHECK(last["flops"].get<std::int64_t>() > 0);
      CHECK(last["time_ns"].get<std::int64_t>() > 0);
      bytes += last["call"]["bytes_sent"].get<std::int64_t>();
    }
    CHECK(count == 3);
    CHECK(bytes == last["total"]["bytes_sent"].get<std::int64_t>());
    CHECK(bytes == world.traffic().sent_bytes(rank));
    CHECK((last["total"]["retries"].get<std::int64_t>() > 0) == (rank == 1));
    const std::string samples = text_of(folder / fmt::format("rank{}.prom", rank));
    CHECK(samples.find(fmt::format("ringattn_forwards_total{{rank=\"{}\"}} 3\n", rank)) != std::string::npos);
    CHECK(samples.find(fmt::format("ringattn_sent_bytes_total{{rank=\"{}\"}} {}\n", rank, bytes)) != std::string::npos);
    for (const char* name : {"hops_total", "exposed_communication_seconds_total", "hidden_communication_seconds_total",
                             "retries_total", "peak_bytes"})
      CHECK(samples.find(std::string("# TYPE ringattn_") + name) != std::string::npos);
  }
  fs::remove_all(folder);
}

TEST_CASE("what DeepSpeed asks to be logged is logged, and what means nothing is said once") {
  const RankInputs full = testing::full_inputs(1, kRows, kHeads, kDim, at::kFloat);
  const at::Tensor grad_out = testing::full_inputs(1, kRows, kHeads, kDim, at::kFloat, 9).query;
  const Trained got = train(full, grad_out, 2,
                            {.deepspeed = deepspeed_from_json_text(
                                 R"({"wall_clock_breakdown": true, "comms_logger": {"enabled": true},
                                     "flops_profiler": {"enabled": true}, "optimizer": {"type": "Adam"}})",
                                 "ds.json")},
                            false);
  CHECK(mentions(got.said, "waiting for rows"));
  CHECK(mentions(got.said, "GFLOP/s"));
  CHECK(mentions(got.said, "ring passes"));
  int warned = 0;
  for (const std::string& line : got.said) warned += line.find("DeepSpeed: optimizer") == 0 ? 1 : 0;
  CHECK(warned == 1);
}

TEST_CASE("a sequence_parallel_size that doesn't divide the ranks is refused at once") {
  spawn_ranks(3, [](Communicator& communicator) {
    DistributedOptions options;
    options.deepspeed.sequence_parallel_size = 2;
    CHECK_THROWS_WITH_AS(DistributedRingAttention(config_of(), communicator, options),
                         "sequence_parallel_size: 2 must divide the 3 ranks of a ring", UsageError);
  });
}

}  // namespace ringattn
