#include "legacy/gradients.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <vector>

namespace ringattn::legacy {
namespace {

using Gradients = std::vector<ShippedGradient>;

constexpr std::string_view modified_in_place =
    "one of the variables needed for gradient computation has been modified by an inplace operation";

bool has_uneven_local_segment(const GradientCall& call) {
  std::int64_t largest = 0;
  for (const Pair& pair : call.pairs) largest = std::max(largest, pair.segment_length);
  if (largest == 0 || call.seq_len % (call.ranks * largest) != 0) return false;
  return std::any_of(call.pairs.begin(), call.pairs.end(),
                     [&](const Pair& pair) { return (call.seq_len / call.ranks) % pair.segment_length != 0; });
}

/// Rows that a rank received are constants to autograd.
Gradients received_are_constants() {
  return {{.ranks_min = 2,
           .fate = GradientFate::own_part,
           .what = "received keys and values are constants: nobody sends their gradients back"}};
}

constexpr std::string_view own_rows_overwritten =
    "the output of a view and its base has been modified inplace: from the second hop on a rank receives into its own "
    "rows";

bool is_batch_of_one(const GradientCall& call) { return call.batch == 1; }

/// all_ring_pass receives into a copy of what it sends.
ShippedGradient received_into_copies() {
  return {.ranks_min = 2,
          .fate = GradientFate::misplaced,
          .what =
              "received keys and values are written into a copy of the rank's own, which therefore get their "
              "gradients"};
}

/// From the second hop on, into the rank's own chunk, unless that was copied to become contiguous.
ShippedGradient own_rows_are_overwritten(bool only_of_one) {
  ShippedGradient gradient{
      .ranks_min = 3, .fate = GradientFate::raises, .what = own_rows_overwritten, .error = "RuntimeError"};
  if (!only_of_one) return gradient;
  gradient.where = "the batch is 1";
  gradient.is_there = is_batch_of_one;
  return gradient;
}

Gradients received_into_one_buffer() {
  Gradients gradients = received_are_constants();
  gradients.insert(gradients.begin(), {.ranks_min = 3,
                                       .fate = GradientFate::overwritten,
                                       .what = "all hops receive into one buffer, so backward reads the last chunk in "
                                               "the place of each received one"});
  return gradients;
}

Gradients raises_on_several() {
  return {{.ranks_min = 2, .fate = GradientFate::raises, .what = modified_in_place, .error = "RuntimeError"}};
}

Gradients raises_always() {
  return {{.fate = GradientFate::raises, .what = modified_in_place, .error = "RuntimeError"}};
}

Gradients repeated_slots() {
  return {{.fate = GradientFate::repeated,
           .what = "slots that repeat one row are written one over the other, and each gets the row's whole gradient",
           .where = "a row has several slots"}};
}

/// The ring fails while it is checkpointed, and what the class does instead inherits that.
Gradients fails_again() {
  return {{.ranks_min = 2,
           .fate = GradientFate::raises,
           .what = "shape is invalid for input: checkpointing computes again what failed in forward",
           .error = "RuntimeError",
           .where = "n is a multiple of k max(w), and a w is no divisor of n / k",
           .is_there = has_uneven_local_segment}};
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::vector<ShippedGradient> shipped_gradients(const CatalogueEntry& entry) {
  const std::string_view name = entry.name;
  if (name == "v2_corrected") return received_into_one_buffer();
  if (is_one_of(name, {"v2_robust", "v2_simple", "sdpa", "fixed_simple", "hilbert_optimized_fixed_v2",
                       "standard_shipped", "distributed_shipped", "hilbert_shipped", "block_sparse_shipped"}))
    return received_are_constants();
  if (is_one_of(name, {"v2_collective", "v2_collective_a", "v2_flash", "ring_mha_b"})) return raises_on_several();
  if (is_one_of(name, {"correct", "correct_wrapper", "hilbert_core", "hilbert_optimized_correct"}))
    return raises_always();
  if (is_one_of(name, {"v1", "v1_b", "unfold_v2", "optimized_root", "ring_mha_a"})) return fails_again();
  if (is_one_of(name, {"hybrid", "hybrid_7b"})) return {own_rows_are_overwritten(false), received_into_copies()};
  if (is_one_of(name,
                {"fixed", "v3b", "v3b_mha", "hybrid_a", "hybrid_mha", "hybrid_fixed", "hybrid_opt", "hybrid_opt_v2",
                 "hybrid_base", "hilbert_v2", "hilbert_optimized", "hilbert_optimized_proper", "hybrid_hilbert_36bbb90",
                 "hybrid_hilbert_6516258", "hybrid_hilbert_3bb0a59", "hybrid_hilbert_3ce07ad", "hilbert_fixed"}))
    return {own_rows_are_overwritten(true), received_into_copies()};
  if (name == "simple_triton") return {received_into_copies()};
  if (is_one_of(name, {"production", "production_fixed", "triton_integrated"})) return repeated_slots();
  if (name == "memory_efficient")
    return {{.ranks_min = 2, .fate = GradientFate::zero, .what = "its backward returns zeros"}};
  if (name == "v3")
    return {{.ranks_min = 2,
             .fate = GradientFate::another,
             .what = "its backward scales queries twice and takes a softmax of every chunk for itself"}};
  if (is_one_of(name, {"hilbert_attention_core", "hilbert_core_fixed", "hilbert_triton_wrapper"}))
    return {
        {.fate = GradientFate::another,
         .what = "read, not run: its backward is that of a softmax over rows and columns of the dilation together"}};
  if (is_one_of(name, {"hilbert_attention_core_fixed_kernel", "hilbert_triton_v2", "hilbert_triton_v3"}))
    return {{.fate = GradientFate::zero,
             .what = "read, not run: autograd does not see the kernel, so nothing reaches what went in"}};
  if (is_one_of(name, {"head_parallel", "v2_fixed"}))
    return {{.ranks_min = 2,
             .fate = GradientFate::raises,
             .what = "element 0 of tensors does not require grad and does not have a grad_fn",
             .error = "RuntimeError"}};
  return {};
}

}  // namespace ringattn::legacy
