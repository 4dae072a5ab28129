#include "measure/ceilings.h"

#include "attention/block_backend.h"
#include "measure/exchange_probe.h"
#include "measure/memory_probe.h"
#include "measure/scalar_type.h"
#include "measure/tile_probe.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <utility>

namespace ringattn {
namespace {

constexpr std::int64_t kArrayBytes = std::int64_t{64} << 20;
constexpr std::int64_t kPingBytes = 64;
constexpr std::int64_t kMatrixMin = 256;
constexpr std::int64_t kMatrixMax = 2048;

double seconds(std::int64_t ns) { return 1e-9 * static_cast<double>(ns); }

MedianEstimate in_seconds(const std::vector<std::int64_t>& time_ns) {
  std::vector<double> values;
  for (const std::int64_t time : time_ns) values.push_back(seconds(time));
  return estimate_median(values);
}

/// Makes one ceiling after the other, each with its share of the budget.
class Calibration {
 public:
  explicit Calibration(const CeilingOptions& options)
      : options_(options), share_ns_(options.budget_ns / measurements(options)), threads_(at::get_num_threads()) {}

  std::vector<Ceiling> run() {
    for (const Dtype dtype : options_.dtypes) matrix(dtype);
    for (const Dtype dtype : options_.dtypes)
      for (const std::int64_t rows : options_.rows)
        for (const MaskRule rule : {MaskRule::full, MaskRule::causal}) attention(dtype, rule, rows);
    memory();
    between_ranks();
    return std::move(found_);
  }

 private:
  static std::int64_t measurements(const CeilingOptions& options) {
    const auto dtypes = static_cast<std::int64_t>(options.dtypes.size());
    const auto sizes = static_cast<std::int64_t>(options.rows.size());
    return dtypes + 2 * dtypes * sizes + 2 + 3;
  }

  bool is_stopped() const { return options_.stop && options_.stop(); }
  SamplingOptions sampling() const { return {.budget_ns = share_ns_}; }

  void add_rate(std::string quantity, std::string of, std::string unit, double amount,
                const std::vector<std::int64_t>& samples, std::string how) {
    found_.push_back({std::move(quantity), std::move(of), std::move(unit), rate_of(amount, samples),
                      static_cast<std::int64_t>(samples.size()), std::move(how)});
  }

  /// The largest product of which the budget holds some ten.
  void matrix(Dtype dtype) {
    if (is_stopped()) return;
    const auto product = [&](std::int64_t size) -> std::function<std::int64_t()> {
      const at::Tensor a = at::full({size, size}, 0.5, at::TensorOptions().dtype(scalar_type(dtype)));
      at::Tensor c = at::empty_like(a);
      return [a, c]() mutable { return time_of([&] { at::mm_out(c, a, a); }); };
    };
    std::int64_t size = kMatrixMin;
    for (; size < kMatrixMax; size *= 2) {
      const std::function<std::int64_t()> once = product(size);
      once();
      if (8 * 10 * once() > share_ns_) break;
    }
    const auto n = static_cast<double>(size);
    add_rate("matrix_rate", std::string(to_string(dtype)), "FLOP/s", 2.0 * n * n * n,
             take_samples(product(size), sampling()),
             fmt::format("product of two {0}×{0} matrices, {1} threads", size, threads_));
  }

  void attention(Dtype dtype, MaskRule rule, std::int64_t rows) {
    if (is_stopped()) return;
    RankWorld one_rank(1);
    const ProbeTile tile{.rows = rows,
                         .heads = options_.heads,
                         .key_heads = options_.heads,
                         .head_dim = options_.head_dim,
                         .rule = rule,
                         .dtype = scalar_type(dtype)};
    const auto backend = make_sdpa_backend();
    const char* name = rule == MaskRule::causal ? "causal" : "full";
    add_rate("attention_rate", fmt::format("{} {} {}", to_string(dtype), name, rows), "FLOP/s", flops_of(tile),
             tile_samples(one_rank, *backend, tile, sampling()),
             fmt::format("{} attention of a tile of {} rows and keys, {} heads, head_dim {}, {} threads",
                         backend->name(), rows, tile.heads, tile.head_dim, threads_));
  }

  void memory() {
    if (is_stopped()) return;
    const std::string arrays =
        fmt::format("arrays of {} MiB, {} threads, bytes read and written", kArrayBytes >> 20, threads_);
    add_rate("memory_bandwidth", "copy", "B/s", 2.0 * static_cast<double>(kArrayBytes),
             copy_samples(kArrayBytes, sampling()), "a = b over " + arrays);
    add_rate("memory_bandwidth", "triad", "B/s", 3.0 * static_cast<double>(kArrayBytes),
             triad_samples(kArrayBytes, sampling()), "a = b + s·c over " + arrays);
  }

  void between_ranks() {
    if (is_stopped()) return;
    RankWorld two_ranks(2);
    for (const std::int64_t mebibytes : {1, 8}) {
      const std::int64_t bytes = mebibytes << 20;
      add_rate("copy_bandwidth", fmt::format("{} MiB", mebibytes), "B/s", static_cast<double>(bytes),
               exchange_samples(two_ranks, bytes, sampling()),
               "two ranks (threads) exchange messages of this size at the same time; bytes of one direction");
    }
    const std::vector<std::int64_t> pings = ping_samples(two_ranks, kPingBytes, sampling());
    found_.push_back({"latency", fmt::format("{} B", kPingBytes), "s", in_seconds(pings),
                      static_cast<std::int64_t>(pings.size()),
                      "half of a message's way between two ranks (threads) and back"});
  }

  const CeilingOptions& options_;
  const std::int64_t share_ns_;
  const int threads_;
  std::vector<Ceiling> found_;
};

}  // namespace

std::vector<Ceiling> measure_ceilings(const CeilingOptions& options) { return Calibration(options).run(); }

const Ceiling* find_ceiling(const std::vector<Ceiling>& ceilings, std::string_view quantity, std::string_view of) {
  for (const Ceiling& ceiling : ceilings) {
    if (ceiling.quantity == quantity && ceiling.of.starts_with(of)) return &ceiling;
  }
  return nullptr;
}

}  // namespace ringattn
