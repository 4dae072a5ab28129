#include "legacy/catalogue.h"

namespace ringattn::legacy {
namespace {

/// S1: dilated rows attend each other inside their segment, head groups, the result divided by the number of groups.
constexpr PatternAxes co_indexed{Placement::tiles, HeadRule::first,  OffsetRule::pair,    QueryRule::dilated,
                                 KeyRule::dilated, JoinRule::groups, OrderRule::position, TailRule::shortened};

/// S3: every row attends the dilated keys of its segment; what is left after the whole segments attends itself.
constexpr PatternAxes keys_only{Placement::tiles, HeadRule::last,   OffsetRule::pair,    QueryRule::all,
                                KeyRule::dilated, JoinRule::single, OrderRule::position, TailRule::dense};

CatalogueEntry base() {
  CatalogueEntry entry;
  entry.name = "base";
  entry.aliases = {"dilated_attention"};
  entry.class_name = "DilatedAttention";
  entry.commit = "36c40da";
  entry.file = "src/dilated_attention_pytorch/base/dilated_attention.py";
  entry.summary =
      "The single-process class that the ring classes were derived from: each rank computes everything alone.";
  entry.intended = co_indexed;
  entry.intended_why =
      "what the class computes in one process; its causal triangle over dilated rows is one over positions";
  entry.preserving = PatternName::dilated;
  entry.condition = "always; the class itself wanted n % max(w) = 0, every w to divide n, and at least G heads";
  entry.guide_target = "StandardRingAttention";
  entry.named_in_guide = false;
  entry.extra_dropout = "outputs, with the same probability";
  return entry;
}

CatalogueEntry v2() {
  CatalogueEntry entry;
  entry.name = "v2";
  entry.aliases = {"ring_v2"};
  entry.class_name = "RingDilatedAttentionV2";
  entry.commit = "ec2a06c";
  entry.file = "dilated_attention_pytorch/ring_dilated_attention_v2.py";
  entry.summary =
      "Second generation: dilates K and V but not Q, and was to rotate chunks with a call that does not exist.";
  entry.intended = keys_only;
  entry.intended_why = "one process's function, with causality by position and each key counted once";
  entry.preserving = PatternName::dilated_keys;
  entry.condition = "always; the released class agrees with it where nothing is causal and r divides w";
  entry.guide_target = "StandardRingAttention";
  entry.shipped = {
      {1,
       1,
       false,
       true,
       "keys are repeated cyclically to fill w slots, so some count twice where r does not divide w",
       {CyclicMultiset::name},
       ""},
      {1,
       1,
       true,
       false,
       "the causal triangle runs over the w key slots instead of positions: with r > 1 rows see the future",
       {SlotCausal::name, CyclicMultiset::name},
       ""},
      {2,
       0,
       true,
       true,
       "the first rotation calls torch.distributed.sendrecv, which does not exist",
       {},
       "AttributeError"},
  };
  return entry;
}

CatalogueEntry v2_collective() {
  CatalogueEntry entry;
  entry.name = "v2_collective";
  entry.aliases = {"collective"};
  entry.class_name = "RingDilatedAttentionV2Collective";
  entry.commit = "3ce07ad";
  entry.file = "dilated_attention_pytorch/ring_dilated_attention_v2_collective.py";
  entry.summary = "The one old class that really all_gathers K and V: n rows of both on every rank.";
  entry.intended = co_indexed;
  entry.intended_why =
      "one process delegates to a class that attends over heads by mistake; put right, that is DilatedAttention's "
      "function";
  entry.preserving = PatternName::dilated;
  entry.condition = "always; no released world size computed it";
  entry.guide_target = "StandardRingAttention";
  entry.extra_dropout =
      "outputs, with the same probability, in one process; on several ranks it dropped nothing at all";
  entry.shipped = {
      {1,
       1,
       true,
       true,
       "attends over the heads of a group at one position: positions and heads are never exchanged",
       {},
       ""},
      {2,
       0,
       true,
       true,
       "dilates Q, K and V over the whole sequence, ignores the segments, and leaves the result rows in slot order",
       {},
       ""},
  };
  return entry;
}

}  // namespace

std::span<const CatalogueEntry> catalogue() {
  static const std::vector<CatalogueEntry> entries{base(), v2(), v2_collective()};
  return entries;
}

}  // namespace ringattn::legacy
