#include "attention/oracle.h"
#include "comm/observed_communicator.h"
#include "config/error.h"
#include "measure/backward_price.h"
#include "plan/choose_layout.h"
#include "ring/factory.h"
#include "ring/gradient_check.h"
#include "tests/ranks/ring_run.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

// Every field of the configuration does something that can be seen: what is seen with the default differs from what is
// seen with another value.

namespace ringattn {
namespace {

constexpr std::int64_t kRows = 60, kHeads = 4, kDim = 8;

RingAttentionConfig base_config() { return testing::ring_config("dilated", "[20, 60]", "[1, 2]", "contiguous"); }

RingAttentionConfig with(const std::string& field, const std::string& value) {
  RingAttentionConfig config = base_config();
  set_field(config, field, value, "test");
  return config;
}

/// What rank 0 of `ranks` sees of a module and its forward call.
using See = std::function<std::string(StandardRingAttention&, const at::Tensor& out)>;

struct Scene {
  int ranks = 3;
  std::int64_t batch = 2;
  WorldOptions world{};
  StandardRingAttention::Options options{};
};

std::string seen(const RingAttentionConfig& config, const Scene& scene, const See& see) {
  const RankInputs full = testing::full_inputs(scene.batch, kRows, kHeads, kDim, at::kFloat);
  std::mutex gather;
  std::string what;
  try {
    spawn_ranks(
        scene.ranks,
        [&](Communicator& communicator) {
          at::set_num_threads(1);
          StandardRingAttention attention(config, communicator);
          attention.set_options(scene.options);
          attention.set_log([&](const std::string& line) {
            const std::scoped_lock lock(gather);
            if (communicator.rank() == 0) what += line.substr(0, 24) + "|";
          });
          const at::Tensor out = attention.forward(full.query, full.key, full.value, {}, true);
          const std::string of_rank = see(attention, out);
          const std::scoped_lock lock(gather);
          if (communicator.rank() == 0) what += of_rank;
        },
        scene.world);
  } catch (const std::exception& error) {
    return error.what();
  }
  return what;
}

std::string bits(StandardRingAttention&, const at::Tensor& out) {
  return fmt::format("{:.17g}",
                     (out.to(at::kDouble) * at::arange(out.numel(), at::kDouble).view_as(out)).sum().item<double>());
}
std::string shape(StandardRingAttention&, const at::Tensor& out) {
  return fmt::format("{}", fmt::join(out.sizes(), ","));
}
std::string nothing(StandardRingAttention&, const at::Tensor&) { return "went through"; }

WorldOptions failing(std::int64_t attempts) {
  WorldOptions options;
  options.inject_fault = [=](const CopyAttempt& a) { return a.to == 1 && a.attempt <= attempts; };
  return options;
}

/// Which came first on rank 0: the post of the first hop or the end of the first tiles.
std::string order_of_post(StandardRingAttention& attention, const at::Tensor&) {
  for (const TraceEvent& event : attention.trace().events()) {
    if (event.name == "post" || event.name == "tiles") return event.name;
  }
  return "neither";
}

/// What the rank in the middle allocated in a call.
struct MemorySeen {
  std::vector<std::int64_t> live_at_posts{};  ///< bytes alive when it posted its exchanges
  MemoryUse use{};
};
class Watching final : public Communicator {
 public:
  Watching(Communicator& inner, const MemoryMeter& meter)
      : Communicator(inner.rank(), inner.world_size()), inner_(inner), meter_(meter) {}
  const std::vector<std::int64_t>& live_at_posts() const { return live_; }

 private:
  Ticket do_post(Exchange exchange) override {
    live_.push_back(meter_.use().live_bytes);
    return forward_post(inner_, std::move(exchange));
  }
  void do_wait_received(const Ticket& ticket) override { inner_.wait_received(ticket); }
  void do_wait_sent(const Ticket& ticket) override { inner_.wait_sent(ticket); }
  std::vector<std::int64_t> do_all_gather_value(std::int64_t value) override { return inner_.all_gather_value(value); }
  void do_barrier() override { inner_.barrier(); }
  void do_abort(const std::string& reason) override { inner_.abort(reason); }

  Communicator& inner_;
  const MemoryMeter& meter_;
  std::vector<std::int64_t> live_;
};

/// Forward, and what was seen of it; or of the backward pass after it. Each rank's peak is held against its price.
MemorySeen memory_seen(const RingAttentionConfig& config, int ranks, bool of_backward = false) {
  const RankInputs full = testing::full_inputs(1, kRows, kHeads, kDim, at::kFloat);
  RingAttention attention(config, kRows, kHeads, false, ranks);
  MemorySeen result;
  spawn_ranks(ranks, [&](Communicator& communicator) {
    at::set_num_threads(1);
    const int rank = communicator.rank();
    const RankInputs own = testing::rank_inputs(full, attention, rank, ranks);
    const PriceShape shape = price_shape(own);
    const std::int64_t forward_price = price_peak(attention, rank, shape).peak_bytes();
    const std::int64_t backward_price = price_backward_peak(attention, rank, shape).peak_bytes();
    MemorySeen here;
    Partial part;
    {
      const MemoryMeter meter;
      Watching watching(communicator, meter);
      part = attention.forward(watching, own);
      here = {watching.live_at_posts(), meter.use()};
      CHECK(here.use.peak_bytes == forward_price);
    }
    if (of_backward) {
      const at::Tensor dout = own.query.contiguous();
      const MemoryMeter meter;
      Watching watching(communicator, meter);
      (void)attention.backward(watching, own, part, dout);
      here = {watching.live_at_posts(), meter.use()};
      CHECK(here.use.peak_bytes == backward_price);
    }
    if (rank == ranks / 2) result = here;
  });
  return result;
}

/// A folder of its own, removed at the end.
struct Folder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / fmt::format("ringattn_fields_{}", ::getpid());
  Folder() { std::filesystem::remove_all(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

std::string trained(const RingAttentionConfig& config) {
  const RankInputs full = testing::full_inputs(1, kRows, kHeads, kDim, at::kDouble);
  std::string said;
  spawn_ranks(2, [&](Communicator& communicator) {
    at::set_num_threads(1);
    StandardRingAttention attention(config, communicator);
    attention.set_log([&](const std::string& line) { said += line; });  // of rank 0 alone
    const at::Tensor query = full.query.clone().requires_grad_();
    attention.forward(query, full.key, full.value, {}, true).sum().backward();
  });
  return said;
}

struct Effect {
  std::string by_default;
  std::string by_value;
};
using Try = std::function<Effect()>;

/// The same call with and without a value.
Try compare(const std::string& field, const std::string& value, const See& see, const Scene& scene = {}) {
  return [=] { return Effect{seen(base_config(), scene, see), seen(with(field, value), scene, see)}; };
}

std::string remark_of(const RingAttentionConfig& config) {
  const Pattern pattern = make_pattern(resolve_function(config, kRows, kHeads, false));
  return curve_remark(config, pattern, layout_for(config, pattern, 3));
}

/// The rows of rank 0 along the curve, without and with a limit.
Effect along_curve(std::int64_t RingAttentionConfig::*limit, std::int64_t value) {
  RingAttentionConfig config = with("layout", "hilbert");
  const auto rows = [&] {
    const RingAttention attention(config, {.seq_len = kRows, .heads = kHeads}, 3);
    return fmt::format("{}", fmt::join(expand(attention.query_positions(0, 3)), ","));
  };
  config.hilbert_min_segment_size = 0;
  const std::string without = rows();
  config.*limit = value;
  return {without, rows()};
}

const std::map<std::string, Try>& effects() {
  static const std::map<std::string, Try> table{
      {"segment_lengths", compare("segment_lengths", "[10, 60]", bits)},
      {"dilation_rates", compare("dilation_rates", "[1, 3]", bits)},
      {"pattern", compare("pattern", "longnet", bits)},
      {"softmax_scale", compare("softmax_scale", "0.5", bits)},
      {"dropout", compare("dropout", "0.5", bits, {.options = {.is_training = true}})},
      {"device", compare("device", "cuda", nothing)},
      {"dtype", compare("dtype", "bf16", nothing)},
      {"communication_backend", compare("communication_backend", "gloo", nothing)},
      {"use_tf32", compare("use_tf32", "false", nothing)},
      {"layout", compare("layout", "zigzag", bits)},
      {"backend", compare("backend", "fused", nothing)},
      {"ring_size", compare("ring_size", "2", shape, {.ranks = 4})},
      {"enable_error_recovery", compare("enable_error_recovery", "false", nothing, {.world = failing(1)})},
      {"max_retry_attempts", compare("max_retry_attempts", "4", nothing, {.world = failing(3)})},
      {"retry_delay",
       [] {
         // The shortest pause between the first and the second attempt at a message.
         const auto pause = [](const RingAttentionConfig& config) {
           std::mutex mutex;
           std::map<std::pair<int, int>, std::int64_t> first;
           std::int64_t shortest = INT64_MAX;
           WorldOptions options;
           options.inject_fault = [&](const CopyAttempt& a) {
             const std::scoped_lock lock(mutex);
             if (a.attempt == 1) first[{a.from * 100 + a.to, a.hop}] = steady_now_ns();
             if (a.attempt == 2) shortest = std::min(shortest, steady_now_ns() - first[{a.from * 100 + a.to, a.hop}]);
             return a.attempt == 1;
           };
           (void)seen(config, {.world = options}, nothing);
           return shortest >= 600'000'000 ? "0.6 s or more" : shortest >= 100'000'000 ? "0.1 s or more" : "less";
         };
         return Effect{pause(base_config()), pause(with("retry_delay", "0.6"))};
       }},
      {"use_memory_pool",
       [] {
         const auto allocations = [](const RingAttentionConfig& config) {
           return std::to_string(memory_seen(config, 5).use.allocations);
         };
         return Effect{allocations(base_config()), allocations(with("use_memory_pool", "false"))};
       }},
      {"preallocate_buffers",
       [] {
         const auto bytes = [](const RingAttentionConfig& config) {
           return std::to_string(memory_seen(config, 5).live_at_posts.front());
         };
         return Effect{bytes(base_config()), bytes(with("preallocate_buffers", "false"))};
       }},
      {"aggressive_memory_cleanup",
       [] {
         // In the last step of the backward pass, derivatives are posted when one receive buffer is gone already.
         const auto bytes = [](const RingAttentionConfig& config) {
           return fmt::format("{}", fmt::join(memory_seen(config, 5, true).live_at_posts, " "));
         };
         return Effect{bytes(base_config()), bytes(with("aggressive_memory_cleanup", "true"))};
       }},
      {"overlap_communication",
       [] {
         const auto order = [](const std::string& value) {
           RingAttentionConfig config = with("overlap_communication", value);
           config.enable_profiling = true;
           return seen(config, {}, order_of_post);
         };
         return Effect{order("true"), order("false")};
       }},
      {"use_fused_kernels",
       [] {
         const auto name = [](const RingAttentionConfig& config) {
           return RingAttention(config, kRows, kHeads, true, 2).backend().name();
         };
         return Effect{name(base_config()), name(with("use_fused_kernels", "false"))};
       }},
      {"compile_mode", compare("compile_mode", "max-autotune",
                               [](StandardRingAttention& attention, const at::Tensor&) { return attention.tuning(); })},
      {"enable_profiling", compare("enable_profiling", "true",
                                   [](StandardRingAttention& attention, const at::Tensor&) {
                                     return attention.trace().events().empty() ? "no trace" : "a trace";
                                   })},
      {"log_communication_stats", compare("log_communication_stats", "true", nothing)},
      {"validate_gradients",
       [] {
         return Effect{trained(base_config()), trained(with("validate_gradients", "true"))};
       }},
      {"checkpoint_frequency",
       [] {
         const auto files = [](const RingAttentionConfig& config) {
           const Folder folder;
           std::string counts;
           const RankInputs full = testing::full_inputs(1, kRows, kHeads, kDim, at::kFloat);
           spawn_ranks(2, [&](Communicator& communicator) {
             StandardRingAttention attention(config, communicator);
             attention.set_checkpoint_folder(folder.path);
             for (int step = 1; step <= 3; ++step) {
               (void)attention.forward(full.query, full.key, full.value);
               communicator.barrier();
               if (communicator.rank() == 0)
                 counts += std::filesystem::exists(checkpoint_path(folder.path, 1)) ? "yes " : "no ";
               communicator.barrier();
             }
           });
           return counts;
         };
         return Effect{files(base_config()), files(with("checkpoint_frequency", "2"))};
       }},
      {"use_hilbert",
       [] {
         return Effect{remark_of(base_config()), remark_of(with("use_hilbert", "true"))};
       }},
      {"hilbert_curve_level", [] { return along_curve(&RingAttentionConfig::hilbert_curve_level, 1); }},
      {"hilbert_min_segment_size", [] { return along_curve(&RingAttentionConfig::hilbert_min_segment_size, 61); }},
  };
  return table;
}

}  // namespace

TEST_CASE("every field has an effect that can be seen") {
  // What a silent peer does is the business of the test below.
  const std::set<std::string> elsewhere{"enable_watchdog", "watchdog_timeout"};
  for (const FieldInfo& field : config_fields()) {
    if (elsewhere.contains(field.name)) continue;
    CAPTURE(field.name);
    const auto effect = effects().find(field.name);
    REQUIRE((effect != effects().end()));
    const Effect seen = effect->second();
    CHECK(seen.by_default != seen.by_value);
  }
}

TEST_CASE("a silent rank is given up after watchdog_timeout, where there is a watchdog") {
  const RankInputs full = testing::full_inputs(1, kRows, kHeads, kDim, at::kFloat);
  const auto said = [&](bool has_watchdog, double timeout) {
    RingAttentionConfig config = base_config();
    config.enable_watchdog = has_watchdog;
    config.watchdog_timeout = timeout;
    RingAttention attention(config, kRows, kHeads, false, 3);
    std::string error = "no error";
    try {
      spawn_ranks(3,
                  [&](Communicator& communicator) {
                    if (communicator.rank() == 1) return;
                    const RankInputs own = testing::rank_inputs(full, attention, communicator.rank(), 3);
                    (void)attention.forward(communicator, own);
                  },
                  {.timeout = std::chrono::milliseconds(300), .on_thread_start = {}, .on_copy = {}});
    } catch (const std::exception& failure) {
      error = failure.what();
    }
    return error.substr(error.find("timed out"));
  };
  CHECK(said(false, 0.02) == "timed out after 300 ms");
  CHECK(said(true, 0.02) == "timed out after 20 ms (watchdog)");
  CHECK(said(true, 0.04) == "timed out after 40 ms (watchdog)");
}

TEST_CASE("what cannot act on a device is said once, by one rank") {
  for (const auto& setting :
       {std::pair{"compile_mode", "reduce-overhead"}, {"compile_mode", "default"}, {"use_tf32", "false"}}) {
    const std::string field = setting.first, value = setting.second;
    CAPTURE(field);
    int lines = 0;
    std::mutex gather;
    const RankInputs full = testing::full_inputs(1, kRows, kHeads, kDim, at::kFloat);
    spawn_ranks(2, [&](Communicator& communicator) {
      StandardRingAttention attention(with(field, value), communicator);
      attention.set_log([&](const std::string& line) {
        const std::scoped_lock lock(gather);
        if (line.find(field) == 0) ++lines;
      });
      (void)attention.forward(full.query, full.key, full.value);
      (void)attention.forward(full.query, full.key, full.value);
    });
    CHECK(lines == 1);
  }
}

TEST_CASE("rings within the world: each has the whole sequence of its share of the batch") {
  const RankInputs full = testing::full_inputs(3, 37, kHeads, kDim, at::kDouble);
  const RingAttentionConfig config = base_config();
  const OracleResult oracle =
      evaluate_oracle(resolve_function(config, 37, kHeads, true), full.query, full.key, full.value);
  for (const int ring_size : {1, 2, 4}) {
    CAPTURE(ring_size);
    at::Tensor out = at::zeros_like(full.query);
    std::mutex gather;
    spawn_ranks(4, [&](Communicator& communicator) {
      at::set_num_threads(1);
      RingAttentionConfig own = config;
      own.ring_size = ring_size;
      if (4 / ring_size > 3) {
        StandardRingAttention attention(own, communicator);
        CHECK_THROWS_AS(attention.forward(full.query, full.key, full.value, {}, true), UsageError);
        return;
      }
      StandardRingAttention attention(own, communicator);
      const at::Tensor part = attention.forward(full.query, full.key, full.value, {}, true);
      const auto share = attention.batch_share(3);
      const at::Tensor index = at::tensor(expand(attention.positions(37, kHeads, true)), at::kLong);
      const std::scoped_lock lock(gather);
      out.narrow(0, share.begin, share.count).index_add_(1, index, part);
    });
    if (4 / ring_size <= 3) CHECK(testing::worst_error(out, oracle.out, 1e-12, 1e-12) <= 1.0);
  }
  spawn_ranks(4, [&](Communicator& communicator) {
    RingAttentionConfig own = config;
    own.ring_size = 3;
    CHECK_THROWS_WITH_AS(StandardRingAttention(own, communicator), "ring_size: 3 must divide the number of ranks, 4",
                         UsageError);
  });
}

TEST_CASE("the buffers' price is what is used, whatever the rule") {
  for (const char* pattern : {"dense", "dilated", "longnet"}) {
    for (int choice = 0; choice < 16; ++choice) {
      CAPTURE(pattern);
      CAPTURE(choice);
      RingAttentionConfig config = testing::ring_config(pattern, "[20, 60]", "[1, 2]", "contiguous");
      config.use_memory_pool = (choice & 1) != 0;
      config.preallocate_buffers = (choice & 2) != 0;
      config.aggressive_memory_cleanup = (choice & 4) != 0;
      config.overlap_communication = (choice & 8) != 0;
      for (const int ranks : {2, 3, 5}) (void)memory_seen(config, ranks, true);  // which checks it on every rank
    }
  }
}

TEST_CASE("a gradient that is off is found by its row") {
  constexpr std::int64_t n = 37;
  const RankInputs full = testing::full_inputs(1, n, kHeads, kDim, at::kFloat);
  const at::Tensor grad_out = testing::full_inputs(1, n, kHeads, kDim, at::kFloat, 9).query;
  RingAttention attention(base_config(), n, kHeads, true, 3);
  spawn_ranks(3, [&](Communicator& communicator) {
    at::set_num_threads(1);
    const int rank = communicator.rank();
    const RankInputs own = testing::rank_inputs(full, attention, rank, 3);
    const at::Tensor dout = testing::rows_among_nan(grad_out, attention.query_positions(rank, 3)).contiguous();
    const Partial result = attention.forward(communicator, own);
    Gradients gradients = attention.backward(communicator, own, result, dout);
    CHECK(check_gradients(attention, communicator, own, dout, gradients) == "all rows");
    gradients.key[0][2][1][3] += 1e-3;
    const std::int64_t position = expand(attention.query_positions(rank, 3))[2];
    std::string said;
    try {
      (void)check_gradients(attention, communicator, own, dout, gradients);
    } catch (const RuntimeFailure& failure) {
      said = failure.what();
    }
    CHECK(said.find(fmt::format("rank {}: validate_gradients: dk at position {} is", rank, position)) == 0);
  });
}

}  // namespace ringattn
