#include "legacy/catalogue_axes.h"
#include "legacy/catalogue_tables.h"
#include "legacy/catalogue_texts.h"

namespace ringattn::legacy {

/// Single-process classes, and examples of the repository.
// NOLINTNEXTLINE(readability-function-size)
std::span<const CatalogueEntry> catalogue_of_bases() {
  static const std::vector<CatalogueEntry> entries{
      {
          .name = "base",
          .aliases = {"dilated_attention"},
          .class_name = "DilatedAttention",
          .commit = "36c40da",
          .file = "src/dilated_attention_pytorch/base/dilated_attention.py",
          .summary =
              "The single-process class that the ring classes were derived from: each rank computes everything alone.",
          .intended = axes::co_indexed,
          .intended_why =
              "what the class computes in one process; its causal triangle over dilated rows is one over positions",
          .preserving = PatternName::dilated,
          .condition = text::whole_segments,
          .guide_target = "StandardRingAttention",
          .named_in_guide = false,
          .extra_dropout = text::outputs_dropped,
          .recordings = {"legacy", 38},
      },
      {
          .name = "base_old",
          .class_name = "DilatedAttention",
          .commit = "416a14e",
          .file = "dilated_attention_pytorch/dilated_attention.py",
          .summary = "DilatedAttention of 2023: each head group divided by its own sum over positions besides.",
          .intended = axes::co_indexed,
          .intended_why = "a later release took the division by the sum out; the rest is DilatedAttention's function",
          .preserving = PatternName::dilated,
          .condition = text::whole_segments,
          .guide_target = "StandardRingAttention",
          .named_in_guide = false,
          .extra_dropout = text::outputs_dropped,
          .recordings = {"legacy", 12},
          .shipped =
              {{.causal = true,
                .full = true,
                .what =
                    "divides each group's result by its own sum over all positions, for the heads of i·g … (i+1)·g"}},
      },
      {
          .name = "improved",
          .class_name = "ImprovedDilatedAttention",
          .commit = "36c40da",
          .file = "src/dilated_attention_pytorch/base/improved_dilated_attention.py",
          .summary = "DilatedAttention made faster: the core of V2Collective, V2Flash and the multi-head classes.",
          .intended = axes::co_indexed,
          .intended_why = text::heads_put_right,
          .preserving = PatternName::dilated,
          .condition = text::whole_segments,
          .guide_target = "StandardRingAttention",
          .named_in_guide = false,
          .extra_dropout = text::outputs_dropped,
          .recordings = {"legacy", 36},
          .shipped = {{.causal = true,
                       .full = true,
                       .what = "attends over heads at one position: positions and heads are never exchanged"}},
      },
      {
          .name = "ring_correct",
          .class_name = "RingAttentionCorrect",
          .commit = "25ff616",
          .file = "dilated_attention_pytorch/ring_attention_correct.py",
          .summary = "Single process, K and V in ring_size chunks; the chunks' softmaxes are added up.",
          .intended = axes::dense,
          .intended_why = "full attention, which ring_size = 1 computes",
          .preserving = PatternName::dense,
          .condition = text::always,
          .guide_target = "StandardRingAttention",
          .named_in_guide = false,
          .recordings = {"legacy", 12},
          .shipped = {{.causal = true,
                       .full = true,
                       .what = "adds the softmaxes of its four chunks without dividing: about four times too large; "
                               "causal rows that face a chunk wholly in their future are NaN"}},
      },
      {
          .name = "ring_correct_v2",
          .class_name = "RingAttentionCorrectV2",
          .commit = "56bfe37",
          .file = "dilated_attention_pytorch/ring_attention_correct_v2.py",
          .summary = "Single process, K and V in ring_size chunks, joined by a right online softmax.",
          .intended = axes::dense,
          .intended_why = text::as_in_one_process,
          .preserving = PatternName::dense,
          .condition = text::always,
          .guide_target = "StandardRingAttention",
          .named_in_guide = false,
          .recordings = {"legacy", 12},
      },
      {
          .name = "ex_true_ring",
          .class_name = "TrueRingDilatedAttention",
          .commit = "7243446",
          .file = "examples/ring_attention/reference_implementation.py",
          .summary =
              "An example of the repository: full attention for each group's heads, divided by the number of pairs.",
          .intended = axes::dense_groups,
          .intended_why = text::as_in_one_process,
          .preserving = PatternName::custom,
          .condition = "always; the released class gave 0 to the heads of a pair with w > n",
          .guide_target = "StandardRingAttention",
          .named_in_guide = false,
          .recordings = {"legacy", 10},
      },
      {
          .name = "ex_simulated",
          .class_name = "SimulatedRingDilatedAttention",
          .commit = "7243446",
          .file = "examples/ring_attention/single_gpu_simulation.py",
          .summary = "An example of the repository: full attention, dilation unused.",
          .intended = axes::dense,
          .intended_why = text::as_in_one_process,
          .preserving = PatternName::dense,
          .condition = text::always,
          .guide_target = "StandardRingAttention",
          .named_in_guide = false,
          .recordings = {"legacy", 6},
      },
  };
  return entries;
}

}  // namespace ringattn::legacy
