#include "attention/departure_edits.h"

#include <algorithm>
#include <map>
#include <utility>

namespace ringattn::oracle {
namespace {

/// k chunks of ⌈n/k⌉ rows, or fewer that have at least so many; the last one or ones shorter.
struct Chunks {
  std::int64_t n = 0, ranks = 1, rows_min = 0;
  std::int64_t rows() const { return std::max((n + ranks - 1) / ranks, rows_min); }
  std::int64_t first(std::int64_t c) const { return std::min(c * rows(), n); }
  std::int64_t count(std::int64_t c) const { return first(c + 1) - first(c); }
  std::int64_t of(std::int64_t row) const { return row / rows(); }
};

Chunks chunks_of(const Surroundings& around) {
  Chunks cut{around.function.seq_len, around.ranks, around.rows};
  if (cut.rows_min > 0) cut.ranks = (cut.n + cut.rows() - 1) / cut.rows();
  return cut;
}

/// Steps by chunk → in the order in which the rank meets them: ρ, ρ-1, …, 0, k-1, ….
std::vector<Step> as_met(const std::vector<Step>& chunks, std::int64_t rank) {
  const auto ranks = static_cast<std::int64_t>(chunks.size());
  std::vector<Step> steps;
  for (std::int64_t t = 0; t < ranks; ++t)
    steps.push_back(chunks[static_cast<std::size_t>((rank + ranks - t) % ranks)]);
  return steps;
}

/// The block's queries by the rank that holds their result, each with its steps.
void add_by_rank(const Block& block, const std::vector<Step>& chunks, const Chunks& cut, Blocks& result) {
  std::map<std::int64_t, Block> ranks;
  for (const QuerySlot& query : block.queries) {
    const std::int64_t rank = cut.of(query.target);
    Block& own = ranks[rank];
    if (own.queries.empty()) {
      own = block;
      own.queries.clear();
      own.steps = as_met(chunks, rank);
    }
    own.queries.push_back(query);
  }
  for (auto& [rank, own] : ranks) result.push_back(std::move(own));
}

std::vector<Step> empty_chunks(const Chunks& cut) {
  std::vector<Step> chunks;
  for (std::int64_t c = 0; c < cut.ranks; ++c) chunks.push_back({cut.first(c), cut.count(c), {}});
  return chunks;
}

std::vector<Step> dealt(const std::vector<KeySlot>& keys, const Chunks& cut) {
  std::vector<Step> chunks = empty_chunks(cut);
  for (KeySlot key : keys) {
    Step& chunk = chunks[static_cast<std::size_t>(cut.of(key.position))];
    key.first = chunk.begin;
    chunk.keys.push_back(key);
  }
  return chunks;
}

/// The function on `rows` rows; no rate is larger than that.
Blocks blocks_of_part(const AttentionFunction& function, std::int64_t rows) {
  AttentionFunction part = function;
  part.seq_len = rows;
  for (Pair& pair : part.pairs) {
    if (pair.dilation_rate > rows) pair.dilation_rate = 1;
  }
  return blocks_of(part);
}

void shift(std::vector<KeySlot>& keys, std::int64_t by) {
  for (KeySlot& key : keys) key.position += by, key.first = by;
}

void shift(std::vector<QuerySlot>& queries, std::int64_t by) {
  for (QuerySlot& query : queries) query.position += by, query.target += by;
}

}  // namespace

void deal_keys(Blocks& blocks, const Surroundings& around) {
  const Chunks cut = chunks_of(around);
  Blocks result;
  for (const Block& block : blocks) {
    if (block.steps.size() > 1) {
      result.push_back(block);  // something before has dealt them
    } else {
      add_by_rank(block, dealt(block.steps.front().keys, cut), cut, result);
    }
  }
  blocks = std::move(result);
}

void leave_out_short_chunks(Blocks& blocks, const Surroundings& around) {
  deal_keys(blocks, around);
  for (Block& block : blocks) {
    const std::int64_t w = around.function.pairs[static_cast<std::size_t>(block.pair)].segment_length;
    for (Step& step : block.steps) {
      if (step.length < w) step.keys.clear();
    }
  }
  const auto sees_nothing = [](const Block& block) {
    return std::all_of(block.steps.begin(), block.steps.end(), [](const Step& step) { return step.keys.empty(); });
  };
  blocks.erase(std::remove_if(blocks.begin(), blocks.end(), sees_nothing), blocks.end());
}

void deal_padded_keys(Blocks& blocks, const Surroundings& around) {
  deal_keys(blocks, around);
  const Chunks cut = chunks_of(around);
  if (around.function.is_causal) return;  // there they lie in everybody's future
  for (Block& block : blocks) {
    for (Step& step : block.steps) {
      const KeySlot zero{.position = KeySlot::padding, .first = step.begin};
      for (std::int64_t j = step.length; j < cut.rows(); ++j) step.keys.push_back(zero);
    }
  }
}

void restart_keys(Blocks& blocks, const Surroundings& around) {
  const Chunks cut = chunks_of(around);
  std::map<std::int64_t, std::vector<Step>> by_pair;
  for (const Block& block : blocks) by_pair[block.pair] = empty_chunks(cut);
  for (std::int64_t c = 0; c < cut.ranks; ++c) {
    if (cut.count(c) == 0) continue;
    for (Block& part : blocks_of_part(around.function, cut.count(c))) {
      shift(part.steps.front().keys, cut.first(c));
      by_pair[part.pair][static_cast<std::size_t>(c)].keys = std::move(part.steps.front().keys);
    }
  }
  Blocks result;
  for (const Block& block : blocks) add_by_rank(block, by_pair[block.pair], cut, result);
  blocks = std::move(result);
}

void restart_rows(Blocks& blocks, const Surroundings& around) {
  const Chunks cut = chunks_of(around);
  const Blocks own = blocks_of_part(around.function, cut.rows());
  blocks.clear();
  for (std::int64_t rank = 0; rank < cut.ranks; ++rank) {
    for (Block block : own) {
      std::vector<Step> chunks = empty_chunks(cut);
      for (Step& chunk : chunks) {
        chunk.keys = block.steps.front().keys;
        shift(chunk.keys, chunk.begin);
      }
      shift(block.queries, cut.first(rank));
      block.steps = as_met(chunks, rank);
      blocks.push_back(std::move(block));
    }
  }
}

void attend_apart(Blocks& blocks, const Surroundings& around) {
  const std::int64_t rows = around.function.seq_len / around.ranks;
  if (around.ranks == 1) return;
  blocks.clear();
  if (rows == 0) return;
  for (std::int64_t c = 0; c < around.ranks; ++c) {
    AttentionFunction part = around.function;
    part.seq_len = rows;
    for (Block block : blocks_of(part)) {
      shift(block.queries, c * rows);
      shift(block.steps.front().keys, c * rows);
      block.begin += c * rows;
      blocks.push_back(std::move(block));
    }
  }
}

void repeat_first_chunk(Blocks& blocks, const Surroundings& around) {
  const Chunks cut = chunks_of(around);
  for (Block& block : blocks) {
    block.steps.clear();
    for (std::int64_t c = 0; c < cut.ranks; ++c) {
      Step step{cut.first(c), cut.count(c), {}};
      for (std::int64_t j = 0; j < cut.rows(); ++j)
        step.keys.push_back({.position = j, .slot = j, .first = cut.first(c)});
      block.steps.push_back(std::move(step));
    }
  }
  see_chunk_slots(blocks, around);
}

}  // namespace ringattn::oracle
