#include "attention/departure_edits.h"

#include <algorithm>
#include <map>
#include <utility>

namespace ringattn::oracle {
namespace {

/// k chunks of ⌈n/k⌉ rows, the last one or ones shorter.
struct Chunks {
  std::int64_t n = 0, ranks = 1;
  std::int64_t rows() const { return (n + ranks - 1) / ranks; }
  std::int64_t first(std::int64_t c) const { return std::min(c * rows(), n); }
  std::int64_t count(std::int64_t c) const { return first(c + 1) - first(c); }
  std::int64_t of(std::int64_t row) const { return row / rows(); }
};

/// The block's queries by the rank that holds their result, each with its steps: the chunks ρ, ρ-1, …, 0, k-1, ….
std::vector<Block> by_rank(const Block& block, const std::vector<std::vector<KeySlot>>& chunks, const Chunks& cut) {
  std::map<std::int64_t, Block> ranks;
  for (const QuerySlot& query : block.queries) {
    const std::int64_t rank = cut.of(query.target);
    Block& own = ranks[rank];
    if (own.queries.empty()) {
      own = block;
      own.queries.clear(), own.steps.clear();
      for (std::int64_t t = 0; t < cut.ranks; ++t)
        own.steps.push_back(chunks[static_cast<std::size_t>((rank + cut.ranks - t) % cut.ranks)]);
    }
    own.queries.push_back(query);
  }
  std::vector<Block> result;
  for (auto& [rank, own] : ranks) result.push_back(std::move(own));
  return result;
}

std::vector<std::vector<KeySlot>> dealt(const std::vector<KeySlot>& keys, const Chunks& cut) {
  std::vector<std::vector<KeySlot>> chunks(static_cast<std::size_t>(cut.ranks));
  for (const KeySlot& key : keys) chunks[static_cast<std::size_t>(cut.of(key.position))].push_back(key);
  return chunks;
}

}  // namespace

void deal_keys(std::vector<Block>& blocks, const Surroundings& around) {
  const Chunks cut{around.function.seq_len, around.ranks};
  std::vector<Block> result;
  for (const Block& block : blocks) {
    for (Block& own : by_rank(block, dealt(block.steps.front(), cut), cut)) result.push_back(std::move(own));
  }
  blocks = std::move(result);
}

}  // namespace ringattn::oracle
