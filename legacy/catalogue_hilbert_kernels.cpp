#include "legacy/catalogue_axes.h"
#include "legacy/catalogue_shipped.h"
#include "legacy/catalogue_tables.h"
#include "legacy/catalogue_texts.h"

namespace ringattn::legacy {

/// Hilbert kernels and what wraps them.
// NOLINTNEXTLINE(readability-function-size)
std::span<const CatalogueEntry> catalogue_of_hilbert_kernels() {
  static const std::vector<CatalogueEntry> entries{
      {
          .name = "hilbert_attention_core",
          .class_name = "HilbertAttentionCore",
          .commit = "8693584",
          .file = "src/dilated_attention_pytorch/kernels/hilbert_attention_core.py",
          .summary = "The Triton kernel behind the Hilbert classes.",
          .intended_why = text::kernel_alone,
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .takes = Takes::x,
          .recordings = {"hilbert", 6},
          .shipped = {{.causal = true,
                       .full = true,
                       .what = "weights take a maximum per key over a block of queries: no softmax; rows stay in the "
                               "snake's order"}},
      },
      {
          .name = "hilbert_attention_core_fixed_kernel",
          .class_name = "HilbertAttentionCoreFixed",
          .commit = "4b8f1c4",
          .file = "src/dilated_attention_pytorch/kernels/hilbert_attention_core_fixed.py",
          .summary = "The same kernel without its reordering.",
          .intended_why = text::kernel_alone,
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .takes = Takes::x,
          .recordings = {"hilbert", 4},
          .shipped = {{.causal = true, .full = true, .what = text::maximum_by_key}},
      },
      {
          .name = "hilbert_triton_v1",
          .class_name = "HilbertDilatedAttentionTriton",
          .commit = "7a6d596",
          .file = "dilated_attention_pytorch/kernels/hilbert_dilated_attention_triton.py",
          .summary = "A Triton kernel that cannot be compiled.",
          .intended_why = text::never_returned,
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .takes = Takes::x,
          .recordings = {"hilbert", 1},
          .shipped = shipped::raises_always("InterpreterError", "the kernel takes the square root of an integer"),
      },
      {
          .name = "hilbert_triton_v2",
          .class_name = "HilbertDilatedAttentionTriton",
          .commit = "7a6d596",
          .file = "dilated_attention_pytorch/kernels/hilbert_dilated_attention_triton_v2.py",
          .summary = "A Triton kernel whose running sum is multiplied by itself.",
          .intended_why = text::kernel_alone,
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .takes = Takes::x,
          .recordings = {"hilbert", 2},
          .shipped = {{.causal = true,
                       .full = true,
                       .what = "the accumulator is multiplied by the running denominator: values overflow"}},
      },
      {
          .name = "hilbert_triton_v3",
          .class_name = "HilbertAttentionTritonSimple",
          .commit = "7a6d596",
          .file = "dilated_attention_pytorch/kernels/hilbert_dilated_attention_triton_v3.py",
          .summary = "A Triton kernel on the snake, with blocks of 32 rows.",
          .intended_why = text::kernel_alone,
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .takes = Takes::x,
          .recordings = {"hilbert", 2},
          .shipped = {{.causal = true,
                       .full = true,
                       .what = "no maximum is subtracted, so large scores overflow; where a block of 32 rows lies in "
                               "several segments, features of unlike keys are mixed"}},
      },
      {
          .name = "hilbert_cuda_file",
          .class_name = "HilbertDilatedAttention",
          .commit = "7a6d596",
          .file = "dilated_attention_pytorch/kernels/hilbert_dilated_attention.py",
          .summary = "A class around a CUDA extension that cannot be constructed.",
          .intended_why = text::never_returned,
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .takes = Takes::x,
          .recordings = {"hilbert", 1},
          .shipped = shipped::raises_always("TypeError", "its constructor registers a dictionary as a buffer"),
      },
      {
          .name = "hilbert_triton_wrapper",
          .class_name = "HilbertAttentionTritonWrapper",
          .commit = "8693584",
          .file = "src/dilated_attention_pytorch/kernels/hilbert_attention_triton_wrapper.py",
          .summary = "The kernel fed with the mean of three projections of query, key and value.",
          .intended_why = text::kernel_alone,
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .takes = Takes::projected_qkv,
          .recordings = {"hilbert", 1},
          .shipped = {{.causal = true,
                       .full = true,
                       .what = "averages query, key and value into one x; the kernel's weights are no softmax"}},
      },
  };
  return entries;
}

}  // namespace ringattn::legacy
