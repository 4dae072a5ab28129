#pragma once

#include "config/axes.h"
#include "config/documents.h"

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
  std::vector<std::int64_t> kv_heads{0};  ///< key and value heads; 0: as many as heads; divides heads
  std::vector<Window> window{Window{}};
  std::vector<DocumentSpec> documents{DocumentSpec{}};
  std::vector<std::string> mask{"none"};  ///< "none", a generated mask's name, "inputs", or FILE.safetensors
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
  std::int64_t kv_heads = 0;
  Window window{};
  DocumentSpec documents{};
  std::string mask = "none";

  std::int64_t key_heads() const { return kv_heads > 0 ? kv_heads : heads; }
  bool operator==(const Case&) const = default;
};

/// "b1/n4096/h8/d64/bf16/causal/k4", and what is not at its default: "/kv2/w256/doc3/mask-padding". Unique within a
/// workload, stable across versions, usable as a filter.
std::string case_id(const Case& c);

/// The words of the id after the ranks: "kv2", "w256", "doc3", "mask-padding".
std::vector<std::string> case_extras(const Case& c);

/// The product of all axes, ranks innermost, so that everything about one function is run together.
std::vector<Case> expand(const Workload& workload);

/// Checks the rules between axes. Throws UsageError: more than 2^17 cases, kv_heads that does not divide one of the
/// heads, documents that do not fit one of the lengths.
void validate(const Workload& workload);

/// -a words that give this case: "batch=1", "seq_len=4096", …; of the axes after ranks, those at their default only
/// where `with_defaults` (what they are added to might hold other values).
std::vector<std::string> axis_words(const Case& c, bool with_defaults = false);

}  // namespace ringattn
