#include "config/names.h"

// What each value of a pattern's axes means, in one line. r: dilation rate, i: pair, t: segment, o: offset, G: pairs.

namespace ringattn {

std::string_view meaning(Placement value) {
  switch (value) {
    case Placement::tiles:
      return "the sequence is cut into segments of segment_length";
    case Placement::spans:
      return "pair i owns the one interval after the spans of the pairs before it";
    case Placement::first:
      return "only the first segment_length rows";
    case Placement::whole:
      return "one segment: the sequence";
  }
  return "";
}

std::string_view meaning(HeadRule value) {
  switch (value) {
    case HeadRule::first:
      return "a head group each; the first groups take what does not divide";
    case HeadRule::last:
      return "a head group each; the last groups take what does not divide";
    case HeadRule::rest:
      return "a head group each; the last one takes all that does not divide";
    case HeadRule::drop:
      return "a head group each; heads that do not divide are 0";
    case HeadRule::all:
      return "every pair sees all heads";
  }
  return "";
}

std::string_view meaning(OffsetRule value) {
  switch (value) {
    case OffsetRule::pair:
      return "i mod r";
    case OffsetRule::zero:
      return "0";
    case OffsetRule::segment:
      return "(i + t) mod r";
    case OffsetRule::tile:
      return "t mod r";
    case OffsetRule::head:
      return "head mod r";
  }
  return "";
}

std::string_view meaning(QueryRule value) {
  switch (value) {
    case QueryRule::dilated:
      return "rows o, o + r, … of the segment; the others are 0";
    case QueryRule::all:
      return "every row of the segment";
  }
  return "";
}

std::string_view meaning(KeyRule value) {
  switch (value) {
    case KeyRule::dilated:
      return "keys o, o + r, … of the segment";
    case KeyRule::residue:
      return "keys of the query's own class mod r in the segment";
    case KeyRule::all:
      return "every key of the segment";
    case KeyRule::sequence:
      return "keys o, o + r, … of the whole sequence";
  }
  return "";
}

std::string_view meaning(JoinRule value) {
  switch (value) {
    case JoinRule::single:
      return "one pair a row";
    case JoinRule::groups:
      return "the result divided by G";
    case JoinRule::mean:
      return "the mean of the G results, one state for each; no common lse";
    case JoinRule::softmax:
      return "by the softmax denominators";
  }
  return "";
}

std::string_view meaning(OrderRule value) {
  switch (value) {
    case OrderRule::position:
      return "dilation counts positions";
    case OrderRule::hilbert:
      return "places along a Hilbert curve";
    case OrderRule::snake:
      return "places along a grid walked to and fro; segments up to 64 keep their order";
    case OrderRule::turned:
      return "places along a curve whose last quadrant is turned; segments up to 64 keep their order";
  }
  return "";
}

std::string_view meaning(TailRule value) {
  switch (value) {
    case TailRule::shortened:
      return "what is left after the whole segments is a short segment";
    case TailRule::dense:
      return "it attends itself, undilated";
    case TailRule::zero:
      return "its rows are 0";
  }
  return "";
}

std::string_view meaning(BlockRule value) {
  switch (value) {
    case BlockRule::none:
      return "all blocks meet";
    case BlockRule::local:
      return "blocks near the diagonal";
    case BlockRule::dilated:
      return "blocks whole steps of a rate away from the diagonal";
    case BlockRule::global_local:
      return "the first blocks, which meet every block, and those near the diagonal";
    case BlockRule::grid:
      return "blocks that hold cells of a 2-D grid near each other";
  }
  return "";
}

}  // namespace ringattn
