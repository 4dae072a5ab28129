#include "pattern/visibility.h"

#include <algorithm>

namespace ringattn {

PositionRange Visibility::document_of(std::int64_t position) const {
  const std::vector<std::int64_t>& starts = function_.documents;
  if (starts.empty()) return {0, function_.seq_len};
  const auto next = std::upper_bound(starts.begin(), starts.end(), position);
  return {*std::prev(next), *next};
}

PositionRange Visibility::keys_of(std::int64_t query) const {
  PositionRange keys = document_of(query);
  const Window& window = function_.window;
  if (window.left >= 0) keys.begin = std::max(keys.begin, query - window.left);
  if (window.right >= 0) keys.end = std::min(keys.end, query + window.right + 1);
  if (function_.is_causal) keys.end = std::min(keys.end, query + 1);
  return keys;
}

}  // namespace ringattn
