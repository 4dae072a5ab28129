#include "config/names.h"

#include "config/did_you_mean.h"
#include "config/error.h"
#include "config/pattern_spec.h"
#include "config/ring_attention_config.h"

#include <array>
#include <cstddef>
#include <utility>

namespace ringattn {
namespace {

// One table an enumeration, in order of declaration.
template <typename E>
struct Written;

#define RINGATTN_NAMES(E, ...)                                  \
  template <>                                                   \
  struct Written<E> {                                           \
    static const std::vector<std::string>& list() {             \
      static const std::vector<std::string> names{__VA_ARGS__}; \
      return names;                                             \
    }                                                           \
  };
RINGATTN_NAMES(Placement, "tiles", "spans", "first", "whole")
RINGATTN_NAMES(HeadRule, "first", "last", "rest", "drop", "all")
RINGATTN_NAMES(OffsetRule, "pair", "zero", "segment", "tile", "head")
RINGATTN_NAMES(QueryRule, "dilated", "all")
RINGATTN_NAMES(KeyRule, "dilated", "residue", "all", "sequence")
RINGATTN_NAMES(JoinRule, "single", "groups", "mean", "softmax")
RINGATTN_NAMES(OrderRule, "position", "hilbert", "snake", "turned")
RINGATTN_NAMES(TailRule, "short", "dense", "zero")
RINGATTN_NAMES(BlockRule, "none", "local", "dilated", "global_local", "grid")
RINGATTN_NAMES(Dtype, "fp32", "bf16", "fp16", "fp64")
RINGATTN_NAMES(Device, "auto", "cpu", "cuda")
RINGATTN_NAMES(CommunicationBackend, "auto", "threads", "nccl", "gloo", "mpi")
RINGATTN_NAMES(CompileMode, "none", "default", "reduce-overhead", "max-autotune")
RINGATTN_NAMES(Layout, "auto", "contiguous", "zigzag", "striped", "hilbert")
RINGATTN_NAMES(Backend, "auto", "reference", "sdpa", "fused")
RINGATTN_NAMES(PatternName, "auto", "dense", "dilated", "dilated_keys", "strided_keys", "residue", "longnet",
               "block_sparse", "custom")
#undef RINGATTN_NAMES

template <typename E>
std::string_view written(E value) {
  return Written<E>::list().at(static_cast<std::size_t>(value));
}

}  // namespace

std::string_view to_string(Placement value) { return written(value); }
std::string_view to_string(HeadRule value) { return written(value); }
std::string_view to_string(OffsetRule value) { return written(value); }
std::string_view to_string(QueryRule value) { return written(value); }
std::string_view to_string(KeyRule value) { return written(value); }
std::string_view to_string(JoinRule value) { return written(value); }
std::string_view to_string(OrderRule value) { return written(value); }
std::string_view to_string(TailRule value) { return written(value); }
std::string_view to_string(BlockRule value) { return written(value); }
std::string_view to_string(Dtype value) { return written(value); }
std::string_view to_string(Device value) { return written(value); }
std::string_view to_string(CommunicationBackend value) { return written(value); }
std::string_view to_string(CompileMode value) { return written(value); }
std::string_view to_string(Layout value) { return written(value); }
std::string_view to_string(Backend value) { return written(value); }
std::string_view to_string(PatternName value) { return written(value); }

template <typename E>
const std::vector<std::string>& names() {
  return Written<E>::list();
}

template <typename E>
E parse(std::string_view text, const std::string& field) {
  const std::vector<std::string>& known = names<E>();
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (known[i] == text) return static_cast<E>(i);
  }
  throw UsageError(field + ": unknown value \"" + std::string(text) + "\"" + did_you_mean(text, known));
}

Dtype parse_dtype(std::string_view text, const std::string& field) {
  static constexpr std::array<std::pair<std::string_view, Dtype>, 4> spelled_out{
      {{"float32", Dtype::fp32}, {"bfloat16", Dtype::bf16}, {"float16", Dtype::fp16}, {"float64", Dtype::fp64}}};
  const std::string_view bare = text.starts_with("torch.") ? text.substr(6) : text;
  for (const auto& [name, dtype] : spelled_out) {
    if (name == bare) return dtype;
  }
  return parse<Dtype>(text, field);
}

#define RINGATTN_INSTANTIATE(E)                        \
  template const std::vector<std::string>& names<E>(); \
  template E parse<E>(std::string_view, const std::string&);
RINGATTN_INSTANTIATE(Placement)
RINGATTN_INSTANTIATE(HeadRule)
RINGATTN_INSTANTIATE(OffsetRule)
RINGATTN_INSTANTIATE(QueryRule)
RINGATTN_INSTANTIATE(KeyRule)
RINGATTN_INSTANTIATE(JoinRule)
RINGATTN_INSTANTIATE(OrderRule)
RINGATTN_INSTANTIATE(TailRule)
RINGATTN_INSTANTIATE(BlockRule)
RINGATTN_INSTANTIATE(Dtype)
RINGATTN_INSTANTIATE(Device)
RINGATTN_INSTANTIATE(CommunicationBackend)
RINGATTN_INSTANTIATE(CompileMode)
RINGATTN_INSTANTIATE(Layout)
RINGATTN_INSTANTIATE(Backend)
RINGATTN_INSTANTIATE(PatternName)
#undef RINGATTN_INSTANTIATE

}  // namespace ringattn
