#include "plan/plan.h"

#include "plan/transfers.h"

#include <algorithm>
#include <map>
#include <utility>

namespace ringattn {
namespace {

/// Builds one rank's plan.
class Planner {
 public:
  Planner(const Pattern& pattern, const RowLayout& layout, int rank)
      : pattern_(pattern), layout_(layout), rank_(rank), needs_(pattern, layout), classes_(needs_.classes()) {}

  Plan plan() {
    Plan plan{.pattern = pattern_, .layout = layout_, .rank = rank_, .rows = layout_.local_rows(rank_), .steps = {}};
    plan.steps.push_back(own_step());
    for (int hop = 1; hop < layout_.world_size; ++hop) {
      Step step = hop_step(hop);
      if (!step.receives.empty() || !step.sends.empty()) plan.steps.push_back(std::move(step));
    }
    return plan;
  }

 private:
  Step own_step() const {
    Step step{.hop = 0, .source = rank_, .regions = {}, .receives = {}, .sends = {}, .tiles = {}};
    for (const ShardTile& tile : shard_tiles(pattern_, layout_, rank_, rank_))
      step.tiles.push_back({tile, RowSource::kOwn});
    return step;
  }

  Step hop_step(int hop) {
    Step step{.hop = hop, .source = needs_.wrap(rank_ - hop), .regions = {}, .receives = {}, .sends = {}, .tiles = {}};
    const std::vector<ShardTile> tiles = shard_tiles(pattern_, layout_, rank_, step.source);
    const Need& needed = needs_.known(rank_, step.source, tiles);
    add_regions(step, needed);
    add_receives(step, needed);
    add_sends(step);
    add_tiles(step, needed, tiles);
    return step;
  }

  void add_regions(Step& step, const Need& needed) const {
    const std::vector<std::int64_t> positions = expand(layout_.positions(step.source));
    for (std::size_t c = 0; c < classes_.size(); ++c) {
      std::vector<std::int64_t> packed = needed.rows(c);
      for (std::int64_t& row : packed) row = positions[static_cast<std::size_t>(row)];
      step.regions.push_back({classes_[c], static_cast<std::int64_t>(packed.size()), to_progressions(packed)});
    }
  }

  void add_receives(Step& step, const Need& needed) {
    if (step.hop == 1) return add_packed(step.receives, step.source, needed, needed, classes_);
    const Need& neighbours = needs_.of(rank_ - 1, step.source);
    add_packed(step.receives, needs_.wrap(rank_ - 1), needed & neighbours, needed, classes_);
    add_packed(step.receives, step.source, needed.minus(neighbours), needed, classes_);
  }

  void add_sends(Step& step) {
    if (step.hop == 1) return add_own(step.sends, needs_.wrap(rank_ + 1), needs_.of(rank_ + 1, rank_), classes_);
    const int forwarded = rank_ + 1 - step.hop;  // the source whose rows hop - 1 brought here
    const Need& held = needs_.of(rank_, forwarded);
    add_packed(step.sends, needs_.wrap(rank_ + 1), needs_.of(rank_ + 1, forwarded) & held, held, classes_);
    add_own(step.sends, needs_.wrap(rank_ + step.hop),
            needs_.of(rank_ + step.hop, rank_).minus(needs_.of(rank_ + step.hop - 1, rank_)), classes_);
  }

  /// A tile spans whole classes; its keys are packed alike in each of them only where one class holds all its heads.
  void add_tiles(Step& step, const Need& needed, const std::vector<ShardTile>& tiles) const {
    if (tiles.empty()) return;
    for (std::size_t c = 0; c < classes_.size(); ++c) {
      const std::vector<std::int64_t> places = packed_places(needed, c);
      PackedLists lists;
      for (const ShardTile& tile : tiles) {
        if (!key_heads_of(tile.heads, pattern_.function).contains(classes_[c])) continue;
        if (tile.key_index.empty())
          add_packed_tiles(step, tile, static_cast<int>(c), places);
        else
          add_listed_tile(step, tile, static_cast<int>(c), lists.packed(tile.key_index.list, places));
      }
    }
  }

  /// The packed row of each needed row of the source.
  static std::vector<std::int64_t> packed_places(const Need& needed, std::size_t head_class) {
    const std::vector<std::int64_t> rows = needed.rows(head_class);
    std::vector<std::int64_t> places(rows.empty() ? 0 : static_cast<std::size_t>(rows.back()) + 1, 0);
    for (std::size_t place = 0; place < rows.size(); ++place)
      places[static_cast<std::size_t>(rows[place])] = static_cast<std::int64_t>(place);
    return places;
  }

  /// A list of source rows as packed rows: a progression where they are one.
  struct PackedList {
    Rows rows;
    RowList list;
  };

  /// Packed lists of one class; the tiles of a list share it.
  class PackedLists {
   public:
    const PackedList& packed(const RowList& list, const std::vector<std::int64_t>& places) {
      const auto found = known_.find(list);
      if (found != known_.end()) return found->second;
      std::vector<std::int64_t> rows;
      for (const std::int64_t row : *list) {
        // Rows of the list that no tile sees are not needed; no slice holds them.
        const auto index = static_cast<std::size_t>(row);
        rows.push_back(index < places.size() ? places[index] : 0);
      }
      const std::vector<Rows> runs = to_progressions(rows);
      if (runs.size() == 1) return known_.emplace(list, PackedList{runs.front(), nullptr}).first->second;
      auto shared = std::make_shared<const std::vector<std::int64_t>>(std::move(rows));
      return known_.emplace(list, PackedList{{}, std::move(shared)}).first->second;
    }

   private:
    std::map<RowList, PackedList> known_;
  };

  /// The query heads of the tile whose key heads are the region's.
  HeadRange heads_within(const HeadRange& heads, const Region& region) const {
    const std::int64_t group = pattern_.function.heads / pattern_.function.key_heads();
    return {std::max(heads.begin, region.heads.begin * group), std::min(heads.end, region.heads.end * group)};
  }

  /// The tile with the heads that read the region; its keys are still rows of the source.
  PlanTile tile_in_region(const Step& step, const ShardTile& tile, int region) const {
    PlanTile placed{tile, region};
    placed.heads = heads_within(tile.heads, step.regions[static_cast<std::size_t>(region)]);
    return placed;
  }

  void add_listed_tile(Step& step, const ShardTile& tile, int region, const PackedList& packed) const {
    PlanTile listed = tile_in_region(step, tile, region);
    const RowSlice slice = std::exchange(listed.key_index, {});
    if (packed.list != nullptr)
      listed.key_index = {packed.list, slice.begin, slice.end};
    else
      listed.key = {
          .first = packed.rows.first + slice.begin * packed.rows.step, .count = slice.size(), .step = packed.rows.step};
    step.tiles.push_back(std::move(listed));
  }

  void add_packed_tiles(Step& step, const ShardTile& tile, int region, const std::vector<std::int64_t>& places) const {
    std::vector<Rows> segments;
    std::vector<RowSlice> irregular;
    for (std::int64_t s = 0; s < tile.key.segments; ++s) {
      std::vector<std::int64_t> packed;
      for (const std::int64_t row : expand(tile.key.segment(s)))
        packed.push_back(places[static_cast<std::size_t>(row)]);
      const std::vector<Rows> runs = to_progressions(packed);
      segments.push_back(runs.size() == 1 ? runs.front() : Rows{});
      irregular.push_back(runs.size() == 1 ? RowSlice{} : slice_of(std::move(packed)));
    }
    PlanTile whole = tile_in_region(step, tile, region);
    if (fold(segments, whole.key)) return step.tiles.push_back(whole);
    for (std::int64_t s = 0; s < tile.key.segments; ++s) {
      PlanTile part = whole;
      part.query = tile.query.segment(s);
      part.key = segments[static_cast<std::size_t>(s)];
      part.key_index = irregular[static_cast<std::size_t>(s)];
      step.tiles.push_back(std::move(part));
    }
  }

  static RowSlice slice_of(std::vector<std::int64_t> rows) {
    const auto size = static_cast<std::int64_t>(rows.size());
    return {std::make_shared<const std::vector<std::int64_t>>(std::move(rows)), 0, size};
  }

  /// Whether all segments are alike and evenly spaced; then `folded` holds them all.
  static bool fold(const std::vector<Rows>& segments, Rows& folded) {
    folded = segments.front();
    folded.segments = static_cast<std::int64_t>(segments.size());
    folded.segment_stride = segments.size() > 1 ? segments[1].first - segments[0].first : 0;
    for (std::int64_t s = 0; s < folded.segments; ++s) {
      if (folded.count == 0 || !(folded.segment(s) == segments[static_cast<std::size_t>(s)])) return false;
    }
    return true;
  }

  const Pattern& pattern_;
  RowLayout layout_;
  int rank_;
  NeedBook needs_;
  const std::vector<HeadRange>& classes_;
};

}  // namespace

std::int64_t TransferPart::positions() const {
  std::int64_t total = 0;
  for (const Rows& run : source.rows) total += run.size();
  return total;
}

std::int64_t Transfer::rows() const {
  std::int64_t total = 0;
  for (const TransferPart& part : parts) total += part.positions() * part.heads.size();
  return total;
}

std::int64_t Transfer::positions() const {
  std::int64_t total = 0;
  for (const TransferPart& part : parts) total += part.positions();
  return total;
}

Plan make_plan(const Pattern& pattern, const RowLayout& layout, int rank) {
  return Planner(pattern, layout, rank).plan();
}

}  // namespace ringattn
