#pragma once

#include "config/workload.h"
#include "measure/statistics.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// One number that no run on this machine can exceed for long, and how it was made.
struct Ceiling {
  std::string quantity;  ///< "matrix_rate", "attention_rate", "memory_bandwidth", "copy_bandwidth" or "latency"
  std::string of;        ///< what it is of: "fp32", "bf16 causal 1024", "copy", "8 MiB"
  std::string unit;      ///< "FLOP/s", "B/s" or "s"
  MedianEstimate value;
  std::int64_t samples = 0;
  std::string how;  ///< in words
};

struct CeilingOptions {
  std::vector<Dtype> dtypes{Dtype::fp32, Dtype::bf16};
  std::int64_t head_dim = 64;
  std::int64_t heads = 4;                     ///< of the attention calls
  std::vector<std::int64_t> rows{256, 1024};  ///< and their square sizes
  std::int64_t budget_ns = 10'000'000'000;    ///< for all of them together, about
  std::function<bool()> stop{};               ///< asked between measurements; true ends early
};

/// Measures this machine as one rank with all of its threads sees it, and two ranks for what passes between them:
///   matrix_rate: a square matrix product in each dtype;
///   attention_rate: the library's attention on one tile of each size, full and causal, operations that attend;
///   memory_bandwidth: copy (a = b) and triad (a = b + s·c) over arrays of 64 MiB, bytes read and written;
///   copy_bandwidth: two ranks exchange messages of K and V at the same time, per direction;
///   latency: half the time of a message of 64 bytes there and back.
std::vector<Ceiling> measure_ceilings(const CeilingOptions& options = {});

/// The first of that quantity whose `of` begins with these words; null where there is none.
const Ceiling* find_ceiling(const std::vector<Ceiling>& ceilings, std::string_view quantity, std::string_view of = "");

}  // namespace ringattn
