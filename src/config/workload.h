#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

enum class Dtype { fp32, bf16, fp16, fp64 };
std::string_view to_string(Dtype dtype);
std::int64_t element_bytes(Dtype dtype);

/// What is run: every axis is a list; their product is the list of cases.
struct Workload {
  std::vector<std::int64_t> batch{1};
  std::vector<std::int64_t> seq_len{1024};
  std::vector<std::int64_t> heads{8};
  std::vector<std::int64_t> head_dim{64};
  std::vector<Dtype> dtype{Dtype::fp32};
  std::vector<bool> is_causal{false, true};
  std::vector<std::int64_t> ranks{1};
  bool operator==(const Workload&) const = default;
};

/// One point of a workload: what a single measurement is about.
struct Case {
  std::int64_t batch = 1;
  std::int64_t seq_len = 0;
  std::int64_t heads = 0;
  std::int64_t head_dim = 0;
  Dtype dtype = Dtype::fp32;
  bool is_causal = false;
  std::int64_t ranks = 1;
  bool operator==(const Case&) const = default;
};

/// "b1/n4096/h8/d64/bf16/causal/k4": unique within a workload, stable across versions, usable as a filter.
std::string case_id(const Case& c);

/// The product of all axes, ranks innermost, so that everything about one function is run together.
std::vector<Case> expand(const Workload& workload);

}  // namespace ringattn
