#include "legacy/catalogue_axes.h"
#include "legacy/catalogue_tables.h"

namespace ringattn::legacy {

/// Hilbert classes over the hybrids.
// NOLINTNEXTLINE(readability-function-size)
std::span<const CatalogueEntry> catalogue_of_hilbert_hybrids() {
  static const std::vector<CatalogueEntry> entries{
      {
          .name = "hybrid_base",
          .class_name = "RingDilatedAttentionHybridOptimizedV2",
          .commit = "3ce07ad",
          .file = "dilated_attention_pytorch/ring_dilated_attention_hybrid_optimized_v2.py",
          .summary = "HybridOptimizedV2, the base of the Hilbert hybrids: dilated rows of a segment attend each other.",
          .intended = axes::undivided,
          .intended_why =
              "what the class computes in one process, with causality by position and each key counted once",
          .preserving = PatternName::custom,
          .condition = "always; the released class agrees where nothing is causal and o + r(ceil(l / r) - 1) < l for "
                       "every segment of l rows",
          .guide_target = "StandardRingAttention",
          .named_in_guide = false,
          .race = "the ring pass sends and receives in one buffer, so chunks may be lost or seen twice; reproduced "
                  "with separate buffers",
          .recordings = {"hilbert", 20},
          .shipped =
              {{.ranks_max = 1,
                .full = true,
                .what = "where r does not divide a segment the last slot wraps round to another residue class"},
               {.ranks_max = 1, .causal = true, .what = "any segment but the first raises", .raises = "AttributeError"},
               {.ranks_min = 2,
                .full = true,
                .what = "with r > 1 dilated rows attend whole chunks, undilated and beyond their segment"},
               {.ranks_min = 2,
                .causal = true,
                .what = "as without a mask, and NaN where a row faces a chunk in its future"}},
      },
      {
          .name = "hilbert_v2",
          .class_name = "RingDilatedAttentionHilbertV2",
          .commit = "3ce07ad",
          .file = "dilated_attention_pytorch/ring_dilated_attention_hilbert_v2.py",
          .summary = "The hybrid with a curve that is used on several ranks alone.",
          .intended = axes::undivided,
          .intended_why =
              "what the class computes in one process, with causality by position and each key counted once",
          .preserving = PatternName::custom,
          .condition = "always; the released class agrees where nothing is causal and o + r(ceil(l / r) - 1) < l for "
                       "every segment of l rows",
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .race = "the ring pass sends and receives in one buffer, so chunks may be lost or seen twice; reproduced "
                  "with separate buffers",
          .recordings = {"hilbert", 20},
          .shipped =
              {{.ranks_max = 1,
                .full = true,
                .what = "where r does not divide a segment the last slot wraps round to another residue class"},
               {.ranks_max = 1, .causal = true, .what = "any segment but the first raises", .raises = "AttributeError"},
               {.ranks_min = 2,
                .causal = true,
                .full = true,
                .what = "the query pattern is reordered by a curve that leaves its grid: rows are lost and doubled"}},
      },
      {
          .name = "hilbert_optimized",
          .class_name = "RingDilatedAttentionHilbertOptimized",
          .commit = "3ce07ad",
          .file = "dilated_attention_pytorch/ring_dilated_attention_hilbert_optimized.py",
          .summary = "The hybrid on rows in the rank order of a Hilbert curve.",
          .intended_why = "the sequence is permuted as a whole before segments are cut; no axis says so",
          .condition = "none: the sequence is permuted as a whole before segments are cut; no axis says so",
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .race = "the ring pass sends and receives in one buffer, so chunks may be lost or seen twice; reproduced "
                  "with separate buffers",
          .recordings = {"hilbert", 23},
          .shipped =
              {{.ranks_max = 1, .causal = true, .what = "any segment but the first raises", .raises = "AttributeError"},
               {.ranks_min = 2,
                .causal = true,
                .full = true,
                .what = "as hybrid_base on several ranks, on permuted rows"}},
      },
      {
          .name = "hilbert_optimized_proper",
          .class_name = "RingDilatedAttentionHilbertOptimizedProper",
          .commit = "3ce07ad",
          .file = "dilated_attention_pytorch/ring_dilated_attention_hilbert_optimized_proper.py",
          .summary = "The hybrid on rows in bit-reversed or random order.",
          .intended_why = "the sequence is permuted as a whole, at random unless n is a power of two",
          .condition = "none: the sequence is permuted as a whole, at random unless n is a power of two",
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .race = "the ring pass sends and receives in one buffer, so chunks may be lost or seen twice; reproduced "
                  "with separate buffers",
          .recordings = {"hilbert", 14},
          .shipped =
              {{.ranks_max = 1, .causal = true, .what = "any segment but the first raises", .raises = "AttributeError"},
               {.ranks_min = 2,
                .causal = true,
                .full = true,
                .what = "unless n is a power of two each rank draws a permutation of its own"}},
      },
      {
          .name = "hybrid_hilbert_36bbb90",
          .class_name = "RingDilatedAttentionHybridHilbert",
          .commit = "36bbb90",
          .file = "dilated_attention_pytorch/ring_dilated_attention_hybrid_hilbert.py",
          .summary = "The hybrid with K and V gathered by a broken curve.",
          .intended = axes::undivided,
          .intended_why =
              "up to 64 rows, where the map is the identity, it is its base's function; the map is no permutation",
          .preserving = PatternName::custom,
          .condition = "always; the released class agrees where nothing is causal and o + r(ceil(l / r) - 1) < l for "
                       "every segment of l rows",
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .race = "the ring pass sends and receives in one buffer, so chunks may be lost or seen twice; reproduced "
                  "with separate buffers",
          .recordings = {"hilbert", 17},
          .shipped =
              {{.ranks_max = 1,
                .full = true,
                .what = "keys and values, not queries, are gathered by a map that leaves its grid: beyond 64 rows most "
                        "are lost"},
               {.ranks_max = 1, .causal = true, .what = "any segment but the first raises", .raises = "AttributeError"},
               {.ranks_min = 2,
                .causal = true,
                .full = true,
                .what = "keys and values, not queries, are gathered by a map that leaves its grid: beyond 64 rows most "
                        "are lost"}},
      },
      {
          .name = "hybrid_hilbert_6516258",
          .class_name = "RingDilatedAttentionHybridHilbert",
          .commit = "6516258",
          .file = "dilated_attention_pytorch/ring_dilated_attention_hybrid_hilbert.py",
          .summary = "HybridHilbert that attends over heads.",
          .intended = axes::co_indexed,
          .intended_why = "the class attends over heads at one position, because positions and heads never changed "
                          "places; put right, that is DilatedAttention's function",
          .preserving = PatternName::dilated,
          .condition = "always; the released class wanted n to be a multiple of the largest w and of every other, and "
                       "at least one head a pair",
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .race = "the ring pass sends and receives in one buffer, so chunks may be lost or seen twice; reproduced "
                  "with separate buffers",
          .recordings = {"hilbert", 16},
          .shipped =
              {{.ranks_max = 1,
                .causal = true,
                .full = true,
                .what = "attends over the heads of a group at one position: positions and heads are never exchanged"},
               {.ranks_min = 2,
                .causal = true,
                .full = true,
                .what = "keys and values, not queries, are gathered by a map that leaves its grid: beyond 64 rows most "
                        "are lost"}},
      },
      {
          .name = "hybrid_hilbert_3bb0a59",
          .class_name = "RingDilatedAttentionHybridHilbert",
          .commit = "3bb0a59",
          .file = "dilated_attention_pytorch/ring_dilated_attention_hybrid_hilbert.py",
          .summary = "HybridHilbert over DilatedAttention.",
          .intended = axes::co_indexed,
          .intended_why = "up to 64 rows, where the map is the identity, it is DilatedAttention",
          .preserving = PatternName::dilated,
          .condition = "always; the released class wanted n to be a multiple of the largest w and of every other, and "
                       "at least one head a pair",
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .extra_dropout = "outputs, with the same probability",
          .race = "the ring pass sends and receives in one buffer, so chunks may be lost or seen twice; reproduced "
                  "with separate buffers",
          .recordings = {"hilbert", 16},
          .shipped = {{.causal = true,
                       .full = true,
                       .what = "keys and values, not queries, are gathered by a map that leaves its grid: beyond 64 "
                               "rows most are lost"}},
      },
      {
          .name = "hybrid_hilbert_3ce07ad",
          .aliases = {"hybrid_hilbert"},
          .class_name = "RingDilatedAttentionHybridHilbert",
          .commit = "3ce07ad",
          .file = "dilated_attention_pytorch/ring_dilated_attention_hybrid_hilbert.py",
          .summary = "HybridHilbert over DilatedAttention, its last revision.",
          .intended = axes::co_indexed,
          .intended_why = "up to 64 rows, where the map is the identity, it is DilatedAttention",
          .preserving = PatternName::dilated,
          .condition = "always; the released class wanted n to be a multiple of the largest w and of every other, and "
                       "at least one head a pair",
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .extra_dropout = "outputs, with the same probability",
          .race = "the ring pass sends and receives in one buffer, so chunks may be lost or seen twice; reproduced "
                  "with separate buffers",
          .recordings = {"hilbert", 19},
          .shipped = {{.causal = true,
                       .full = true,
                       .what = "keys and values, not queries, are gathered by a map that leaves its grid: beyond 64 "
                               "rows most are lost"}},
      },
      {
          .name = "hilbert_fixed",
          .class_name = "RingDilatedAttentionHilbertFixed",
          .commit = "3ce07ad",
          .file = "dilated_attention_pytorch/ring_dilated_attention_hilbert_fixed.py",
          .summary = "RingDilatedAttentionFixed on rows in bit-reversed or random order.",
          .intended_why = "the sequence is permuted as a whole, at random unless n is a power of two",
          .condition = "none: the sequence is permuted as a whole, at random unless n is a power of two",
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .race = "the ring pass sends and receives in one buffer, so chunks may be lost or seen twice; reproduced "
                  "with separate buffers",
          .recordings = {"hilbert", 11},
          .shipped =
              {{.ranks_max = 1,
                .causal = true,
                .what = "compares a row's position with a key's index in the strided list"},
               {.ranks_min = 2,
                .causal = true,
                .full = true,
                .what =
                    "segments and dilation are ignored, and sums that were not normalised are merged as if they were"}},
      },
      {
          .name = "hilbert_refactored",
          .class_name = "RingDilatedAttentionHilbertRefactored",
          .commit = "3ce07ad",
          .file = "dilated_attention_pytorch/ring_dilated_attention_hilbert_refactored.py",
          .summary = "The hybrid rewritten: its gather has shapes that do not fit.",
          .intended_why = "it never returned a value",
          .condition = "none: it never returned a value",
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .recordings = {"hilbert", 4},
          .shipped = {{.ranks_max = 1,
                       .causal = true,
                       .full = true,
                       .what = "the pattern cache has no such method",
                       .raises = "AttributeError"},
                      {.ranks_min = 2,
                       .causal = true,
                       .full = true,
                       .what = "the ring passes on keywords that nobody takes",
                       .raises = "TypeError"}},
      },
      {
          .name = "ring_hilbert",
          .class_name = "HilbertRingDilatedAttention",
          .commit = "8f54940",
          .file = "dilated_attention_pytorch/ring_hilbert_dilated_attention.py",
          .summary = "A ring class that cannot be constructed.",
          .intended_why = "it never returned a value",
          .condition = "none: it never returned a value",
          .guide_target = "HilbertRingAttention",
          .named_in_guide = false,
          .recordings = {"hilbert", 2},
          .shipped =
              {{.causal = true, .full = true, .what = "its configuration has no such fields", .raises = "TypeError"}},
      },
  };
  return entries;
}

}  // namespace ringattn::legacy
