#include "attention/attends.h"
#include "plan/cost.h"
#include "plan/plan.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <random>
#include <set>
#include <tuple>

// Plans against the definition: attends() shares no code with tiles and plans.

namespace ringattn {
namespace {

using Couple = std::tuple<std::int64_t, std::int64_t, std::int64_t, std::int64_t>;  // pair, head, query, key
using Row = std::pair<std::int64_t, std::int64_t>;                                  // head, position

AttentionFunction random_function(std::mt19937& random) {
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  AttentionFunction f;
  f.seq_len = pick(1, 48);
  f.heads = pick(1, 5);
  f.is_causal = pick(0, 1) == 1;
  const std::int64_t groups = pick(1, 3);
  for (std::int64_t g = 0; g < groups; ++g) f.pairs.push_back({pick(1, 50), pick(1, 5)});
  const PatternAxes dilated{Placement::tiles, HeadRule::first,  OffsetRule::pair,    QueryRule::dilated,
                            KeyRule::dilated, JoinRule::groups, OrderRule::position, TailRule::shortened};
  const PatternAxes dilated_keys{Placement::tiles, HeadRule::last,   OffsetRule::pair,    QueryRule::all,
                                 KeyRule::dilated, JoinRule::single, OrderRule::position, TailRule::dense};
  switch (pick(0, 5)) {
    case 0:
      f.pairs = {{f.seq_len, 1}};
      break;
    case 1:
      f.axes = dilated;
      break;
    case 2:
      f.axes = dilated_keys;
      break;
    default: {
      f.axes = {static_cast<Placement>(pick(0, 3)),
                static_cast<HeadRule>(pick(0, 4)),
                static_cast<OffsetRule>(pick(0, 4)),
                static_cast<QueryRule>(pick(0, 1)),
                static_cast<KeyRule>(pick(0, 3)),
                JoinRule::softmax,
                OrderRule::position,
                static_cast<TailRule>(pick(0, 2))};
      break;
    }
  }
  return f;
}

/// Curves (identity or a permutation at these lengths), windows, documents and shared key heads.
AttentionFunction random_rich_function(std::mt19937& random) {
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  AttentionFunction f = random_function(random);
  if (pick(0, 1) == 1) f.axes.order = pick(0, 1) == 1 ? OrderRule::hilbert : OrderRule::snake;
  if (f.axes.order == OrderRule::snake) f.seq_len = pick(66, 100), f.pairs[0].segment_length = pick(65, 100);
  if (pick(0, 1) == 1) f.window = {pick(-1, 20), pick(-1, 20)};
  if (pick(0, 2) == 0) {
    std::set<std::int64_t> starts{0, f.seq_len};
    for (int i = 0; i < 4; ++i) starts.insert(pick(1, f.seq_len));
    f.documents.assign(starts.begin(), starts.end());
  }
  if (pick(0, 1) == 1) {
    f.kv_heads = pick(1, 2);
    f.heads = f.kv_heads * pick(1, 3);
  }
  if (pick(0, 3) == 0) f.mask.kind = MaskKind::scores;
  return f;
}

/// k sizes that sum to n; about a third of the borders fall together, so that shards are empty.
std::vector<std::int64_t> random_shards(std::int64_t n, int k, std::mt19937& random) {
  const auto pick = [&](std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(random);
  };
  std::vector<std::int64_t> borders{0, n};
  while (std::ssize(borders) < k + 1) borders.push_back(pick(0, 2) == 0 ? borders.back() : pick(0, n));
  std::sort(borders.begin(), borders.end());
  std::vector<std::int64_t> rows;
  for (std::size_t i = 1; i < borders.size(); ++i) rows.push_back(borders[i] - borders[i - 1]);
  return rows;
}

/// Causality, window and documents, by hand.
bool is_visible(const AttentionFunction& f, std::int64_t query, std::int64_t key) {
  if (f.is_causal && key > query) return false;
  if (f.window.left >= 0 && key < query - f.window.left) return false;
  if (f.window.right >= 0 && key > query + f.window.right) return false;
  for (const std::int64_t start : f.documents) {
    if ((query < start) != (key < start)) return false;
  }
  return true;
}

std::string describe(const AttentionFunction& f, const RowLayout& layout) {
  std::string pairs;
  for (const Pair& pair : f.pairs) pairs += fmt::format("({},{})", pair.segment_length, pair.dilation_rate);
  return fmt::format(
      "n={} H={} causal={} pairs={} placement={} heads={} offset={} queries={} keys={} tail={} layout={} k={}",
      f.seq_len, f.heads, f.is_causal, pairs, static_cast<int>(f.axes.placement), static_cast<int>(f.axes.heads),
      static_cast<int>(f.axes.offset), static_cast<int>(f.axes.queries), static_cast<int>(f.axes.keys),
      static_cast<int>(f.axes.tail), to_string(layout.kind), layout.world_size);
}

std::vector<Row> named_rows(const std::vector<Rows>& rows, const std::vector<std::int64_t>& positions,
                            std::int64_t head) {
  std::vector<Row> named;
  for (const Rows& run : rows) {
    for (const std::int64_t row : expand(run)) named.emplace_back(head, positions.at(static_cast<std::size_t>(row)));
  }
  return named;
}

std::vector<Row> sent_rows(const TransferPart& part, const std::vector<std::int64_t>& own,
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

const Step* step_of_hop(const Plan& plan, int hop, std::size_t* index) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    if (plan.steps[i].hop == hop) {
      *index = i;
      return &plan.steps[i];
    }
  }
  return nullptr;
}

std::vector<std::int64_t> listed(const RowSlice& slice) { return {slice.data(), slice.data() + slice.size()}; }

void check_plans(const AttentionFunction& f, const RowLayout& layout) {
  const Pattern pattern = make_pattern(f);
  const int k = layout.world_size;
  std::vector<Plan> plans;
  std::vector<std::vector<std::int64_t>> positions;
  std::set<std::int64_t> owned;
  for (int rank = 0; rank < k; ++rank) {
    plans.push_back(make_plan(pattern, layout, rank));
    positions.push_back(expand(layout.positions(rank)));
    owned.insert(positions.back().begin(), positions.back().end());
    if (layout.shard_rows.empty())
      CHECK(static_cast<std::int64_t>(positions.back().size()) <= (f.seq_len + k - 1) / k);
    else
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

}  // namespace

TEST_CASE("plans of random patterns cover each attended couple once and receive each needed row once") {
  std::mt19937 random(20250709);
  int ran = 0;
  for (int trial = 0; trial < 1500; ++trial) {
    const AttentionFunction f = random_function(random);
    const int k = std::uniform_int_distribution<int>(1, 8)(random);
    const auto kind = static_cast<LayoutKind>(std::uniform_int_distribution<int>(0, 2)(random));
    const RowLayout layout{kind, f.seq_len, k};
    INFO(describe(f, layout));
    check_plans(f, layout);
    ++ran;
  }
  CHECK(ran == 1500);
}

TEST_CASE("so do plans under curves, windows, documents, masks and shared key heads") {
  std::mt19937 random(41);
  for (int trial = 0; trial < 1500; ++trial) {
    const AttentionFunction f = random_rich_function(random);
    const int k = std::uniform_int_distribution<int>(1, 8)(random);
    const auto kind = static_cast<LayoutKind>(std::uniform_int_distribution<int>(0, 2)(random));
    const RowLayout layout{kind, f.seq_len, k};
    INFO(describe(f, layout));
    INFO(fmt::format("order={} window={}:{} documents={} kv={}", static_cast<int>(f.axes.order), f.window.left,
                     f.window.right, f.documents.size(), f.kv_heads));
    check_plans(f, layout);
  }
}

TEST_CASE("so do plans of shards of any sizes, empty ones too") {
  std::mt19937 random(77);
  for (int trial = 0; trial < 1000; ++trial) {
    const AttentionFunction f = trial % 2 == 0 ? random_function(random) : random_rich_function(random);
    const int k = std::uniform_int_distribution<int>(1, 8)(random);
    const RowLayout layout = sharded_layout(random_shards(f.seq_len, k, random));
    INFO(describe(f, layout));
    INFO(fmt::format("shards={}", fmt::join(layout.shard_rows, ",")));
    check_plans(f, layout);
  }
}

TEST_CASE("contiguous shards that are whole segments move nothing") {
  AttentionFunction f{
      {Placement::tiles, HeadRule::first, OffsetRule::pair, QueryRule::dilated, KeyRule::dilated, JoinRule::groups},
      {{8, 1}, {16, 2}},
      64,
      4,
      false};
  const Pattern pattern = make_pattern(f);
  for (int rank = 0; rank < 4; ++rank) {
    const Cost cost = cost_of(make_plan(pattern, {LayoutKind::contiguous, 64, 4}, rank), {});
    CHECK(cost.received_rows == 0);
    CHECK(cost.sent_rows == 0);
    CHECK(cost.messages == 0);
  }
}

TEST_CASE("n=4096, one pair w=2048, k=8, not causal, moves 12288 rows a head in all, and dilation 2 halves them") {
  for (const std::int64_t rate : {1, 2}) {
    AttentionFunction f{
        {Placement::tiles, HeadRule::first, OffsetRule::pair, QueryRule::dilated, KeyRule::dilated, JoinRule::groups},
        {{2048, rate}},
        4096,
        1,
        false};
    const Pattern pattern = make_pattern(f);
    std::int64_t rows = 0;
    for (int rank = 0; rank < 8; ++rank)
      rows += cost_of(make_plan(pattern, {LayoutKind::contiguous, 4096, 8}, rank), {}).received_rows;
    CHECK(rows == 12288 / rate);
  }
}

TEST_CASE("a causal contiguous ring sends nothing that no later rank needs") {
  AttentionFunction f{{}, {{64, 1}}, 64, 2, true};
  const Pattern pattern = make_pattern(f);
  for (int rank = 0; rank < 4; ++rank) {
    const Cost cost = cost_of(make_plan(pattern, {LayoutKind::contiguous, 64, 4}, rank), {});
    CHECK(cost.received_rows == rank * 16 * 2);
    // Rank r passes on what it holds to the ranks after it: its own block and those of the r ranks before it.
    CHECK(cost.sent_rows == (rank == 3 ? 0 : (rank + 1) * 16 * 2));
  }
}

}  // namespace ringattn
