#include "attention/strands.h"

#include <map>

namespace ringattn::oracle {
namespace {

/// What a head's key sets depend on: the pairs that own it, and its residue for each where the offset goes by head.
std::vector<std::int64_t> signature(const AttentionFunction& function, std::int64_t head) {
  const BlockSparsity& blocks = function.blocks;
  const std::int64_t block_class = blocks.per_head ? head % static_cast<std::int64_t>(blocks.rates.size()) : 0;
  std::vector<std::int64_t> result;
  for (std::size_t i = 0; i < function.pairs.size(); ++i) {
    const HeadSpan owned = heads_of_pair(function, static_cast<std::int64_t>(i));
    const bool sees = head >= owned.first && head < owned.first + owned.count;
    const std::int64_t residues = function.pairs[i].dilation_rate;
    const std::int64_t residue = function.axes.offset == OffsetRule::head ? head % function.pairs[i].dilation_rate : 0;
    result.push_back(sees ? residue + residues * block_class : -1);
  }
  return result;
}

std::vector<std::int64_t> pairs_in(const std::vector<std::int64_t>& signature) {
  std::vector<std::int64_t> pairs;
  for (std::size_t i = 0; i < signature.size(); ++i) {
    if (signature[i] >= 0) pairs.push_back(static_cast<std::int64_t>(i));
  }
  return pairs;
}

}  // namespace

std::vector<Strand> strands_of(const AttentionFunction& function) {
  std::map<std::vector<std::int64_t>, std::vector<std::int64_t>> classes;
  for (std::int64_t head = 0; head < function.heads; ++head) classes[signature(function, head)].push_back(head);

  const JoinRule join = function.axes.join;
  const bool divided = join == JoinRule::groups || join == JoinRule::mean;
  const double scale = divided ? 1.0 / static_cast<double>(function.pairs.size()) : 1.0;
  std::vector<Strand> strands;
  for (const auto& [sign, heads] : classes) {
    const std::vector<std::int64_t> pairs = pairs_in(sign);
    if (join == JoinRule::mean) {
      for (const std::int64_t pair : pairs) strands.push_back({heads, {pair}, scale});
    } else if (!pairs.empty()) {
      strands.push_back({heads, pairs, scale});
    }
  }
  return strands;
}

std::vector<QueryView> views_of(const AttentionFunction& function, const Defects& defects, const Strand& strand,
                                std::int64_t query) {
  std::vector<QueryView> views;
  for (const std::int64_t pair : strand.pairs) {
    if (auto view = QueryView::resolve(function, defects, pair, strand.heads.front(), query)) views.push_back(*view);
  }
  return views;
}

}  // namespace ringattn::oracle
