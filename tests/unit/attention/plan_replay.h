#pragma once

#include "attention/attends.h"
#include "plan/cost.h"
#include "plan/plan.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

// Plans of all ranks replayed on row names, against the definition: attends() shares no code with tiles and plans.

namespace ringattn::testing {

using Couple = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>;  // pair, head, query, key
using Row = std::pair<std::int64_t, std::int64_t>;                                  // head, position

/// Causality, window and documents, by hand.
inline bool is_visible(const AttentionFunction& f, std::int64_t query, std::int64_t key) {
  if (f.is_causal && key > query) return false;
  if (f.window.left >= 0 && key < query - f.window.left) return false;
  if (f.window.right >= 0 && key > query + f.window.right) return false;
  for (const std::int64_t start : f.documents) {
    if ((query < start) != (key < start)) return false;
  }
  return true;
}

inline std::string describe(const AttentionFunction& f, const RowLayout& layout) {
  std::string pairs;
  for (const Pair& pair : f.pairs) pairs += fmt::format("({},{})", pair.segment_length, pair.dilation_rate);
  return fmt::format(
      "n={} H={} causal={} pairs={} placement={} heads={} offset={} queries={} keys={} tail={} layout={} k={}",
      f.seq_len, f.heads, f.is_causal, pairs, static_cast<int>(f.axes.placement), static_cast<int>(f.axes.heads),
      static_cast<int>(f.axes.offset), static_cast<int>(f.axes.queries), static_cast<int>(f.axes.keys),
      static_cast<int>(f.axes.tail), to_string(layout.kind), layout.world_size);
}

inline std::vector<Row> named_rows(const std::vector<Rows>& rows, const std::vector<std::int64_t>& positions,
                                   std::int64_t head) {
  std::vector<Row> named;
  for (const Rows& run : rows) {
    for (const std::int64_t row : expand(run)) named.emplace_back(head, positions.at(static_cast<std::size_t>(row)));
  }
  return named;
}

inline std::vector<Row> sent_rows(const TransferPart& part, const std::vector<std::int64_t>& own,
                                  const std::vector<std::vector<Row>>* held) {
  if (part.source.region == RowSource::kOwn) return named_rows(part.source.rows, own, part.heads.begin);
  REQUIRE(held != nullptr);
  std::vector<Row> rows;
  for (const Rows& run : part.source.rows) {
    for (const std::int64_t place : expand(run))
      rows.push_back(held->at(static_cast<std::size_t>(part.source.region)).at(static_cast<std::size_t>(place)));
  }
  return rows;
}

inline const Step* step_of_hop(const Plan& plan, int hop, std::size_t* index) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    if (plan.steps[i].hop == hop) {
      *index = i;
      return &plan.steps[i];
    }
  }
  return nullptr;
}

inline std::vector<std::int64_t> listed(const RowSlice& slice) { return {slice.data(), slice.data() + slice.size()}; }

inline void check_plans(const AttentionFunction& f, const RowLayout& layout) {
  const Pattern pattern = make_pattern(f);
  const int k = layout.world_size;
  std::vector<Plan> plans;
  std::vector<std::vector<std::int64_t>> positions;
  std::set<std::int64_t> owned;
  for (int rank = 0; rank < k; ++rank) {
    plans.push_back(make_plan(pattern, layout, rank));
    positions.push_back(expand(layout.positions(rank)));
    owned.insert(positions.back().begin(), positions.back().end());
    if (layout.shard_rows.empty() && f.blocks.rule == BlockRule::none)
      CHECK(static_cast<std::int64_t>(positions.back().size()) <= (f.seq_len + k - 1) / k);
    else if (!layout.shard_rows.empty())
      CHECK(std::ssize(positions.back()) == layout.shard_rows[static_cast<std::size_t>(rank)]);
    CHECK(std::is_sorted(positions.back().begin(), positions.back().end()));
  }
  CHECK(static_cast<std::int64_t>(owned.size()) == f.seq_len);

  // Replay the hops on row names.
  std::vector<std::map<int, std::vector<std::vector<Row>>>> regions(
      static_cast<std::size_t>(k));  // rank -> hop -> region rows
  std::vector<std::multiset<Row>> received(static_cast<std::size_t>(k));
  for (int hop = 1; hop < k; ++hop) {
    std::map<std::pair<int, int>, std::vector<std::vector<Row>>> in_flight;  // (from, to) -> parts
    for (int rank = 0; rank < k; ++rank) {
      std::size_t index = 0;
      const Step* step = step_of_hop(plans[static_cast<std::size_t>(rank)], hop, &index);
      if (step == nullptr) continue;
      const auto held = regions[static_cast<std::size_t>(rank)].find(hop - 1);
      // The executor sends regions of the step before it in the list, which must be the hop before.
      if (held != regions[static_cast<std::size_t>(rank)].end())
        CHECK(plans[static_cast<std::size_t>(rank)].steps[index - 1].hop == hop - 1);
      for (const Transfer& transfer : step->sends) {
        for (const TransferPart& part : transfer.parts)
          in_flight[{rank, transfer.peer}].push_back(
              sent_rows(part, positions[static_cast<std::size_t>(rank)],
                        held == regions[static_cast<std::size_t>(rank)].end() ? nullptr : &held->second));
      }
    }
    std::size_t taken = 0;
    for (int rank = 0; rank < k; ++rank) {
      std::size_t index = 0;
      const Step* step = step_of_hop(plans[static_cast<std::size_t>(rank)], hop, &index);
      if (step == nullptr) continue;
      std::vector<std::vector<Row>> place;
      for (const Region& region : step->regions) place.emplace_back(static_cast<std::size_t>(region.rows), Row{-1, -1});
      for (const Transfer& transfer : step->receives) {
        const auto message = in_flight.find({transfer.peer, rank});
        REQUIRE(message != in_flight.end());
        REQUIRE(message->second.size() == transfer.parts.size());
        ++taken;
        for (std::size_t p = 0; p < transfer.parts.size(); ++p) {
          const TransferPart& part = transfer.parts[p];
          std::size_t next = 0;
          for (const Rows& run : part.source.rows) {
            for (const std::int64_t row : expand(run)) {
              const Row name = message->second[p].at(next++);
              place.at(static_cast<std::size_t>(part.source.region)).at(static_cast<std::size_t>(row)) = name;
              for (std::int64_t h = part.heads.begin; h < part.heads.end; ++h)
                received[static_cast<std::size_t>(rank)].insert({h, name.second});
            }
          }
          CHECK(next == message->second[p].size());
        }
      }
      for (const std::vector<Row>& region : place)
        CHECK(std::find(region.begin(), region.end(), Row{-1, -1}) == region.end());
      regions[static_cast<std::size_t>(rank)][hop] = std::move(place);
    }
    CHECK(taken == in_flight.size());
  }

  for (int rank = 0; rank < k; ++rank) {
    const auto r = static_cast<std::size_t>(rank);
    std::multiset<Couple> planned;
    for (const Step& step : plans[r].steps) {
      for (const PlanTile& tile : step.tiles) {
        for (std::int64_t s = 0; s < tile.query.segments; ++s) {
          const std::vector<std::int64_t> queries =
              tile.query_index.empty() ? expand(tile.query.segment(s)) : listed(tile.query_index);
          const std::vector<std::int64_t> keys =
              tile.key_index.empty() ? expand(tile.key.segment(s)) : listed(tile.key_index);
          for (std::size_t i = 0; i < queries.size(); ++i) {
            const std::int64_t query = positions[r].at(static_cast<std::size_t>(queries[i]));
            for (std::size_t j = 0; j < keys.size() && (tile.rule != MaskRule::causal || j <= i); ++j) {
              const std::int64_t key = tile.region == RowSource::kOwn
                                           ? positions[r].at(static_cast<std::size_t>(keys[j]))
                                           : regions[r]
                                                 .at(step.hop)
                                                 .at(static_cast<std::size_t>(tile.region))
                                                 .at(static_cast<std::size_t>(keys[j]))
                                                 .second;
              if (tile.rule == MaskRule::positions && !is_visible(f, query, key)) continue;
              for (std::int64_t h = tile.heads.begin; h < tile.heads.end; ++h)
                planned.insert({tile.pair, h, query, key});
            }
          }
        }
      }
      for (std::size_t i = 0; i < step.regions.size(); ++i) {
        std::vector<std::int64_t> named, said;
        for (const Rows& run : step.regions[i].positions) {
          const std::vector<std::int64_t> more = expand(run);
          said.insert(said.end(), more.begin(), more.end());
        }
        for (const Row& row : regions[r].at(step.hop).at(i)) named.push_back(row.second);
        CHECK(named == said);
      }
    }
    std::multiset<Couple> defined;
    std::set<Row> needed;
    const std::set<std::int64_t> own(positions[r].begin(), positions[r].end());
    for (std::int64_t pair = 0; pair < static_cast<std::int64_t>(f.pairs.size()); ++pair) {
      for (std::int64_t h = 0; h < f.heads; ++h) {
        for (const std::int64_t query : positions[r]) {
          for (std::int64_t key = 0; key < f.seq_len; ++key) {
            if (!attends(f, pair, h, query, key)) continue;
            defined.insert({pair, h, query, key});
            if (!own.contains(key)) needed.insert({h / (f.heads / f.key_heads()), key});
          }
        }
      }
    }
    CHECK(planned == defined);
    CHECK(received[r] == std::multiset<Row>(needed.begin(), needed.end()));
    CHECK(cost_of(plans[r], {}).received_rows == static_cast<std::int64_t>(needed.size()));
    CHECK(cost_of(plans[r], {}).attended_pairs == static_cast<std::int64_t>(defined.size()));
  }
}

}  // namespace ringattn::testing
