#include "pattern/head_slice.h"

#include "config/error.h"

#include <algorithm>
#include <string>

namespace ringattn {

HeadRange sliced_key_heads(const AttentionFunction& function, HeadRange heads) {
  const std::int64_t group = function.heads / function.key_heads();
  return {heads.begin / group, (heads.end + group - 1) / group};
}

Pattern slice_heads(const Pattern& pattern, HeadRange heads) {
  const AttentionFunction& function = pattern.function;
  const std::int64_t group = function.heads / function.key_heads();
  const HeadRange key_heads = sliced_key_heads(function, heads);
  const bool is_whole = heads.begin % group == 0 && heads.end % group == 0;
  if (!is_whole && key_heads.size() > 1)
    throw UsageError("heads: " + std::to_string(heads.begin) + " to " + std::to_string(heads.end - 1) + " of " +
                     std::to_string(function.heads) + " read parts of the groups of " +
                     std::to_string(key_heads.size()) + " key heads; take whole groups, or heads of one group");
  Pattern slice = pattern;
  slice.first_head = pattern.first_head + heads.begin;
  slice.function.heads = heads.size();
  slice.function.kv_heads = key_heads.size() == heads.size() ? 0 : key_heads.size();
  slice.tiles.clear();
  for (PatternTile tile : pattern.tiles) {
    const std::int64_t begin = std::max(tile.heads.begin, heads.begin), end = std::min(tile.heads.end, heads.end);
    if (begin >= end) continue;
    tile.heads = {begin - heads.begin, end - heads.begin};
    slice.tiles.push_back(std::move(tile));
  }
  return slice;
}

}  // namespace ringattn
