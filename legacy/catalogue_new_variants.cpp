#include "legacy/catalogue_axes.h"
#include "legacy/catalogue_shipped.h"
#include "legacy/catalogue_tables.h"
#include "legacy/catalogue_texts.h"

namespace ringattn::legacy {

/// The Python variants of the new API as they were released.
// NOLINTNEXTLINE(readability-function-size)
std::span<const CatalogueEntry> catalogue_of_new_variants() {
  static const std::vector<CatalogueEntry> entries{
      {
          .name = "standard_shipped",
          .class_name = "StandardRingAttention",
          .commit = "5016586",
          .file = "src/dilated_attention_pytorch/ring/standard_ring_attention.py",
          .summary = "The Python StandardRingAttention of 0.3.0: full attention, dilation ignored.",
          .intended = axes::dense,
          .intended_why = text::lists_ignored,
          .preserving = PatternName::dense,
          .condition = text::always,
          .guide_target = "StandardRingAttention",
          .named_in_guide = false,
          .returns = Returns::local_rows,
          .race = text::second_hop,
          .race_from = 3,
          .recordings = {"hilbert", 25},
          .shipped = shipped::keys_overwritten_on_several(),
      },
      {
          .name = "distributed_shipped",
          .class_name = "DistributedRingAttention",
          .commit = "5016586",
          .file = "src/dilated_attention_pytorch/ring/distributed_ring_attention.py",
          .summary = "The Python DistributedRingAttention of 0.3.0: full attention, dilation ignored.",
          .intended = axes::dense,
          .intended_why = text::lists_ignored,
          .preserving = PatternName::dense,
          .condition = text::always,
          .guide_target = "DistributedRingAttention",
          .named_in_guide = false,
          .returns = Returns::local_rows,
          .race = text::second_hop,
          .race_from = 3,
          .recordings = {"hilbert", 18},
          .shipped = shipped::keys_overwritten_on_several(),
      },
      {
          .name = "hilbert_shipped",
          .class_name = "HilbertRingAttention",
          .commit = "5016586",
          .file = "src/dilated_attention_pytorch/ring/hilbert_ring_attention.py",
          .summary =
              "The Python HilbertRingAttention of 0.3.0: full attention on rows in curve order, dilation ignored.",
          .intended = axes::dense,
          .intended_why = "what the class computes in one process; segment_lengths and dilation_rates are ignored; a "
                          "curve changes nothing in full attention",
          .preserving = PatternName::dense,
          .condition = text::always,
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .returns = Returns::local_rows,
          .race = text::second_hop,
          .race_from = 3,
          .arguments = R"({"config": {"use_hilbert": true}})",
          .recordings = {"hilbert", 21},
          .shipped = {{.ranks_max = 1,
                       .causal = true,
                       .what = "the triangle is by place along the curve",
                       .defects = {"chunk_curve_causal"}},
                      {.ranks_min = 2, .full = true, .what = text::keys_overwritten, .defects = {"keys_overwritten"}},
                      {.ranks_min = 2,
                       .causal = true,
                       .what = "keys are overwritten by values, and a triangle by place along the curve through the "
                               "rank's own rows is laid over every chunk",
                       .defects = {"keys_overwritten", "chunk_curve_causal"}}},
      },
      {
          .name = "block_sparse_shipped",
          .class_name = "BlockSparseRingAttention",
          .commit = "5016586",
          .file = "src/dilated_attention_pytorch/ring/block_sparse_ring_attention.py",
          .summary = "The Python BlockSparseRingAttention of 0.3.0: masks of blocks, forced to a density at random.",
          .intended_why = "its blocks are partly drawn at random, without a seed",
          .guide_target = "BlockSparseRingAttention",
          .named_in_guide = false,
          .returns = Returns::local_rows,
          .race = "its blocks are drawn at random, without a seed",
          .race_from = 1,
          .recordings = {"hilbert", 20},
          .shipped = shipped::joined({{.ranks_max = 1,
                                       .causal = true,
                                       .full = true,
                                       .what = "blocks are added or removed at random until the density is right; only "
                                               "the first head's mask is used"}},
                                     shipped::keys_overwritten_on_several()),
      },
  };
  return entries;
}

}  // namespace ringattn::legacy
