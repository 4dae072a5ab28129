#include "attention/inputs.h"
#include "config/environment.h"
#include "config/json.h"
#include "config/link.h"
#include "kernels/device.h"
#include "measure/gpu_clocks.h"
#include "measure/library_attention.h"
#include "measure/pairing.h"
#include "measure/price.h"
#include "measure/rehearsal.h"
#include "measure/statistics.h"
#include "ring/ring_attention.h"
#include "tests/retention/gathered_attention.h"
#include "tests/retention/real_ring.h"
#include "tests/retention/whole_problem.h"

#include <fmt/format.h>
#include <torch/headeronly/version.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

// How much of one GPU's speed a rank of k keeps: the library's kernel over the whole problem on one GPU, over k,
// against the slowest rehearsed rank, all of them interleaved in one run. B1, H16, D128, bf16.
//   gpu_retention OUT.json SAMPLES ROWS:K:causal|full:GB/s:us[:graphs] …      graphs: compile_mode reduce-overhead
//   gpu_retention OUT.json whole N K causal|full                    the whole problem at k against one call
//   gpu_retention OUT.json real SAMPLES ROWS:K:causal|full:forward|both …    k ranks on as many GPUs, as they are

namespace ringattn {
namespace {

constexpr std::int64_t kHeads = 16;
constexpr std::int64_t kDim = 128;
constexpr std::int64_t kSampleNs = 4'000'000;
constexpr std::int64_t kRepeatsMin = 4;  ///< so that what the host needs to begin does not count

struct Cell {
  std::int64_t rows = 0;
  int ranks = 1;
  bool is_causal = false;
  Link link{};
  bool has_graphs = false;
};

std::vector<std::string> words_of(const std::string& text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == ':')
      words.emplace_back();
    else
      words.back() += c;
  }
  return words;
}

RealCell parse_real_cell(const std::string& text) {
  const std::vector<std::string> words = words_of(text);
  const auto is_one_of = [](const std::string& word, const char* a, const char* b) { return word == a || word == b; };
  if (words.size() != 4 || !is_one_of(words[2], "causal", "full") || !is_one_of(words[3], "forward", "both"))
    throw std::invalid_argument(text + ": must be ROWS:K:causal|full:forward|both");
  return {std::stoll(words[0]), std::stoi(words[1]), words[2] == "causal", words[3] == "both"};
}

Cell parse_cell(const std::string& text) {
  const std::vector<std::string> words = words_of(text);
  const bool has_graphs = words.size() == 6 && words[5] == "graphs";
  if (words.size() != (has_graphs ? 6U : 5U) || (words[2] != "causal" && words[2] != "full"))
    throw std::invalid_argument(text + ": must be ROWS:K:causal|full:GB/s:us, or that and :graphs");
  return {std::stoll(words[0]),
          std::stoi(words[1]),
          words[2] == "causal",
          {.name = "given", .gb_s = std::stod(words[3]), .us = std::stod(words[4]), .source = ""},
          has_graphs};
}

/// Something that is timed, with as many runs a sample as last long enough.
struct Timed {
  std::string name;
  std::unique_ptr<Rehearsal> rehearsal;
  std::int64_t repeats = 1;
  std::vector<double> time_ns{};
  std::vector<double> exposed_ns{};
};

class CellRun {
 public:
  CellRun(const Cell& cell, std::int64_t samples)
      : cell_(cell),
        samples_(samples),
        n_(cell.rows * cell.ranks),
        numbers_(generated_inputs({.seed = 1, .batch = 1, .seq_len = n_, .heads = kHeads, .head_dim = kDim})),
        inputs_(inputs_on(*numbers_, at::kCUDA)),
        ring_(config(cell), n_, kHeads, cell.is_causal, cell.ranks),
        library_(ring_.function()),
        gathered_(library_.function()) {}

  Json run() {
    timed_.push_back({"library", std::make_unique<Rehearsal>(library_, 0, 1, *inputs_, at::kBFloat16, model({}))});
    const RehearsalModel linked = model(cell_.link);
    const int last = cell_.ranks - 1;
    timed_.push_back(
        {"all_gather", std::make_unique<Rehearsal>(gathered_, last, cell_.ranks, *inputs_, at::kBFloat16, linked)});
    for (int rank = 0; rank < cell_.ranks; ++rank)
      timed_.push_back({fmt::format("rank {}", rank),
                        std::make_unique<Rehearsal>(ring_, rank, cell_.ranks, *inputs_, at::kBFloat16, linked)});
    Json result = meter();
    for (Timed& one : timed_) warm_up(one);
    for (std::int64_t sample = 0; sample < samples_; ++sample)
      for (const int i : pair_order(static_cast<int>(timed_.size()), sample)) {
        Timed& one = timed_[static_cast<std::size_t>(i)];
        const Rehearsal::Timed t = one.rehearsal->time(one.repeats);
        one.time_ns.push_back(static_cast<double>(t.time_ns));
        one.exposed_ns.push_back(static_cast<double>(t.clock.exposed_ns));
      }
    conclude(result);
    return result;
  }

 private:
  static RingAttentionConfig config(const Cell& cell) {
    RingAttentionConfig config;
    config.pattern.name = PatternName::dense;
    if (cell.has_graphs) config.compile_mode = CompileMode::reduce_overhead;
    return config;
  }
  static RehearsalModel model(const Link& link) { return {.link = link}; }

  Json meter() {
    std::int64_t peak = 0, priced = 0, gathered_peak = 0;
    const PriceShape shape = price_shape(*inputs_, at::kBFloat16);
    for (std::size_t i = 1; i < timed_.size(); ++i) {
      Rehearsal& rehearsal = *timed_[i].rehearsal;
      rehearsal.prepare(std::int64_t{40} << 30);
      const std::int64_t bytes = rehearsal.meter().cost.peak_bytes;
      if (i == 1) {
        gathered_peak = bytes;
        continue;
      }
      peak = std::max(peak, bytes);
      priced = std::max(priced, price_peak(ring_, rehearsal.rank(), shape).peak_bytes());
    }
    return {{"tokens_a_rank", cell_.rows}, {"ranks", cell_.ranks},
            {"causal", cell_.is_causal},   {"link_gb_s", cell_.link.gb_s},
            {"link_us", cell_.link.us},    {"layout", to_string(ring_.layout().kind)},
            {"graphs", cell_.has_graphs},  {"peak_bytes_max", peak},
            {"priced_peak_bytes", priced}, {"all_gather_peak_bytes", gathered_peak}};
  }

  static void warm_up(Timed& one) {
    for (int i = 0; i < 3; ++i) (void)one.rehearsal->time();
    const std::int64_t once = std::max<std::int64_t>(1, one.rehearsal->time(4).time_ns);
    one.repeats = std::clamp<std::int64_t>(kSampleNs / once, kRepeatsMin, 64);
  }

  static Json interval(const std::vector<double>& values) {
    const MedianEstimate m = estimate_median(values);
    return {{"median", m.median}, {"low", m.low.value_or(m.median)}, {"high", m.high.value_or(m.median)}};
  }

  void conclude(Json& result) const {
    const auto median_of = [](const Timed& one) { return estimate_median(one.time_ns).median; };
    const auto worst = std::max_element(timed_.begin() + 2, timed_.end(),
                                        [&](const Timed& a, const Timed& b) { return median_of(a) < median_of(b); });
    std::vector<double> retained, over_gathered;
    for (std::size_t i = 0; i < worst->time_ns.size(); ++i) {
      retained.push_back(timed_[0].time_ns[i] / static_cast<double>(cell_.ranks) / worst->time_ns[i]);
      over_gathered.push_back(timed_[1].time_ns[i] / worst->time_ns[i]);
    }
    const double pairs = static_cast<double>(n_) * static_cast<double>(n_) * (cell_.is_causal ? 0.5 : 1.0);
    const double flops = 4.0 * static_cast<double>(kHeads * kDim) * pairs;
    result["library_ns"] = interval(timed_[0].time_ns);
    result["library_tflops"] = flops / median_of(timed_[0]) / 1e3;
    result["worst_rank"] = worst->name;
    result["worst_rank_ns"] = interval(worst->time_ns);
    result["worst_rank_tflops"] = flops / cell_.ranks / median_of(*worst) / 1e3;
    result["exposed_ns"] = interval(worst->exposed_ns);
    result["retained"] = interval(retained);
    result["all_gather_ns"] = interval(timed_[1].time_ns);
    result["all_gather_over_ring"] = interval(over_gathered);
    result["runs_a_sample"] = worst->repeats;
  }

  const Cell cell_;
  const std::int64_t samples_;
  const std::int64_t n_;
  std::unique_ptr<InputSource> numbers_;
  std::unique_ptr<InputSource> inputs_;
  RingAttention ring_;
  LibraryAttention library_;
  GatheredAttention gathered_;
  std::vector<Timed> timed_;
};

Json machine() {
  const kernels::DeviceFacts gpu = kernels::cuda_devices().at(0);
  return {{"gpu", gpu.name},
          {"multiprocessors", gpu.multiprocessors},
          {"driver", gpu_driver_version()},
          {"cuda", kernels::cuda_driver_version()},
          {"libtorch", TORCH_VERSION},
          {"ringattn", version()}};
}

std::string clocks() {
  const auto now = gpu_clocks();
  return now ? to_text(*now) : "unknown";
}

/// Ranks on GPUs of their own.
int run_real(int argc, char** argv) {
  Json document{{"machine", machine()}, {"shape", "batch 1, heads 16, head_dim 128, bf16"}, {"cells", Json::array()}};
  document["machine"]["gpus"] = kernels::cuda_devices().size();
  for (int i = 4; i < argc; ++i) {
    Json result = time_real_ring(parse_real_cell(argv[i]), std::stoll(argv[3]));
    result["clocks_after"] = clocks();
    const Json& kept = result["retained"];
    std::cout << fmt::format("{}  one GPU/k {:8.1f} us  ring {:8.1f} us  retained {:5.1f} % [{:.1f}, {:.1f}]", argv[i],
                             result["one_gpu_ns"]["median"].get<double>() / result["ranks"].get<int>() / 1e3,
                             result["ring_ns"]["median"].get<double>() / 1e3, 100.0 * kept["median"].get<double>(),
                             100.0 * kept["low"].get<double>(), 100.0 * kept["high"].get<double>());
    if (result.contains("all_gather_ns"))
      std::cout << fmt::format("  all_gather {:.3f}x  rehearsed {:.3f} of measured",
                               result["all_gather_over_ring"]["median"].get<double>(),
                               result["rehearsed_over_measured"].get<double>());
    std::cout << fmt::format("  peak {}  {}\n", result["peak_bytes_max"].get<std::int64_t>(),
                             result["clocks_after"].get<std::string>())
              << std::flush;
    document["cells"].push_back(std::move(result));
    std::ofstream(argv[1]) << document.dump(2) << '\n';
  }
  return 0;
}

int run(int argc, char** argv) {
  if (argc < 4) {
    std::cerr << "gpu_retention OUT.json SAMPLES ROWS:K:causal|full:GB/s:us[:graphs] …\n";
    return 2;
  }
  if (kernels::cuda_devices().empty()) {
    std::cerr << "no GPU is visible\n";
    return 3;
  }
  if (std::string(argv[2]) == "real" && argc > 4) return run_real(argc, argv);
  if (std::string(argv[2]) == "whole" && argc == 6) {
    Json whole{{"machine", machine()}, {"shape", "batch 1, heads 16, head_dim 128, bf16"}};
    whole["whole"] = compare_whole(std::stoll(argv[3]), std::stoi(argv[4]), std::string(argv[5]) == "causal");
    whole["clocks_after"] = clocks();
    std::ofstream(argv[1]) << whole.dump(2) << '\n';
    std::cout << whole.dump(2) << '\n';
    return whole["whole"]["equal"].get<bool>() && whole["whole"]["right"].get<bool>() ? 0 : 1;
  }
  Json document{{"machine", machine()}, {"shape", "batch 1, heads 16, head_dim 128, bf16"}, {"cells", Json::array()}};
  for (int i = 3; i < argc; ++i) {
    const Cell cell = parse_cell(argv[i]);
    Json result = CellRun(cell, std::stoll(argv[2])).run();
    result["clocks_after"] = clocks();
    std::cout
        << fmt::format(
               "{:>6} k={} {:6} link {:>5} GB/s{}  one GPU/k {:8.1f} us  worst {:8.1f} us ({})  retained {:5.1f} % "
               "[{:.1f}, {:.1f}]  exposed {:6.1f} us  all_gather {:.3f}x  peak {} priced {}  {}\n",
               cell.rows, cell.ranks, cell.is_causal ? "causal" : "full", cell.link.gb_s,
               cell.has_graphs ? " graphs" : "", result["library_ns"]["median"].get<double>() / cell.ranks / 1e3,
               result["worst_rank_ns"]["median"].get<double>() / 1e3, result["worst_rank"].get<std::string>(),
               100.0 * result["retained"]["median"].get<double>(), 100.0 * result["retained"]["low"].get<double>(),
               100.0 * result["retained"]["high"].get<double>(), result["exposed_ns"]["median"].get<double>() / 1e3,
               result["all_gather_over_ring"]["median"].get<double>(), result["peak_bytes_max"].get<std::int64_t>(),
               result["priced_peak_bytes"].get<std::int64_t>(), result["clocks_after"].get<std::string>())
        << std::flush;
    document["cells"].push_back(std::move(result));
    std::ofstream(argv[1]) << document.dump(2) << '\n';
  }
  return 0;
}

}  // namespace
}  // namespace ringattn

int main(int argc, char** argv) {
  try {
    return ringattn::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 4;
  }
}
