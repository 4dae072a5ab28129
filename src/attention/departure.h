#pragma once

#include "attention/defect.h"
#include "attention/oracle.h"
#include "attention/oracle_merge.h"
#include "config/axes.h"

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

// How the oracle evaluates a function with defects that are more than other keys for a row: the function is written
// down as blocks (rows that see the same keys), defects edit the function, the blocks and the merge, and the blocks are
// evaluated in fp64. Nothing of it is shared with legacy/, the patterns, plans or the executor.

namespace ringattn::oracle {

/// One query as the released code held it: the row at `position`, whose result goes to row `target`; `slot` is its
/// number among the block's queries. Where heads are mixed, a head: `slot` is its number in the block.
struct QuerySlot {
  std::int64_t position = 0;
  std::int64_t target = 0;
  std::int64_t slot = 0;
};

/// One key: the row at `position`, or `padding`, a row of zeros. `slot` is its number among the keys of its step; it
/// counts `count` times.
struct KeySlot {
  static constexpr std::int64_t padding = -1;
  std::int64_t position = 0;
  std::int64_t slot = 0;
  std::int64_t first = 0;  ///< first row of its chunk; without a ring 0
  double count = 1.0;
  bool is_value = false;        ///< the row of values stands where the key was; the same for all keys of a step
  std::int64_t count_from = 0;  ///< the row that its slot is counted from, where that is asked for
};

/// The keys of one ring step: those among rows [begin, begin + length).
struct Step {
  std::int64_t begin = 0, length = 0;
  std::vector<KeySlot> keys{};
  /// The query whose logsumexp the released code took for this one; empty: its own.
  std::function<QuerySlot(const QuerySlot&)> weigher{};
};

/// Whether a query sees a key.
using Sees = std::function<bool(const QuerySlot&, const KeySlot&)>;

/// Queries that see the same keys, before the mask; heads[·] of one pair.
struct Block {
  std::int64_t pair = 0;
  std::int64_t begin = 0, length = 0;  ///< rows of the segment
  std::int64_t number = 0;             ///< of the segment in its pair
  std::int64_t rate = 1;               ///< r; 1 in a dense tail
  std::vector<std::int64_t> heads{};
  double scale = 1.0;  ///< the result is multiplied by it
  std::vector<QuerySlot> queries{};
  /// The keys by ring step, in the order in which the queries' rank met them; one step without a ring.
  std::vector<Step> steps{};
  Sees sees{};  ///< empty: everything
  /// Attention over heads at one position: query slot a meets heads[·] of key slot a alone. Then `sees` is about heads:
  /// slots are the numbers of heads in the block, the query's position is the row.
  bool mixes_heads = false;
  /// With mixes_heads, and where the segment is as long as a head is wide: features stand where positions should, and
  /// the other way round, on the way in alone.
  bool swaps_features = false;
  /// Where the block has as many heads as a head has features: results are written with the two exchanged.
  bool swaps_heads = false;
};

/// What the edits of a defect may read.
struct Surroundings {
  const AttentionFunction& intended;  ///< as it was asked for
  const AttentionFunction& function;  ///< as the defects before have rewritten it
  int ranks = 1;                      ///< Defect::ranks
  const std::vector<Pair>& given;     ///< Defect::given
  std::int64_t rows = 0;              ///< Defect::rows
};

/// What is attended: (batch, n, heads, dim) each, as the call gave them.
struct Attended {
  const at::Tensor &query, &key, &value;
};

/// A row of the table of defects; what is null does nothing.
struct Departure {
  std::string_view name;
  std::string_view summary;
  void (*rewrite)(AttentionFunction& function, int ranks) = nullptr;               ///< first, in order of the list
  void (*edit)(std::vector<Block>& blocks, const Surroundings& around) = nullptr;  ///< then, likewise
  MergeRule merge = nullptr;                                                       ///< of the steps; default: exact
  /// On all n rows of one pair, (batch, heads, n, dim), before pairs are added.
  void (*finish)(at::Tensor& out, const AttentionFunction& function) = nullptr;
  bool wants_ranks = false;  ///< does nothing on one rank
  /// (batch, n, heads, dim) fp64 in place of the queries. Key heads as many as query heads.
  at::Tensor (*replace_query)(const AttentionFunction& intended, const Attended& rows, const Defect& defect) = nullptr;
};

/// All defects, in the order in which an explanation should try them. departure_table.cpp
std::span<const Departure> departures();
const Departure& departure_of(std::string_view name);

/// The function as blocks, causal by position; queries and keys by their places along the order. Heads without pair
/// have none. UsageError: pairs joined by softmax, which no released class did.
std::vector<Block> blocks_of(const AttentionFunction& function);

/// Whether the oracle's own predicate does not know one of them.
bool is_departure(const Defects& defects);

/// The function with defects: out of the wanted rows, (batch, rows, heads, value dim) fp64; lse undefined.
/// Shapes, rows, mask and defects as evaluate_oracle's. Memory: 256 rows of scores of one block at a time.
OracleResult evaluate_departure(const AttentionFunction& function, const at::Tensor& query, const at::Tensor& key,
                                const at::Tensor& value, const OracleOptions& options);

}  // namespace ringattn::oracle
