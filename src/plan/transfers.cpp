#include "plan/transfers.h"

namespace ringattn {

const Need& NeedBook::of(int rank, int source) {
  const auto key = std::pair{wrap(rank), wrap(source)};
  const auto found = needs_.find(key);
  if (found != needs_.end()) return found->second;
  return needs_.emplace(key, need_of(pattern_, layout_, classes_, key.first, key.second)).first->second;
}

const Need& NeedBook::known(int rank, int source, const std::vector<ShardTile>& tiles) {
  const auto key = std::pair{wrap(rank), wrap(source)};
  return needs_.try_emplace(key, need_of(tiles, pattern_, classes_, layout_.local_rows(key.second))).first->second;
}

void add_packed(std::vector<Transfer>& transfers, int peer, const Need& moved, const Need& held,
                const std::vector<HeadRange>& classes) {
  Transfer transfer{.peer = peer, .parts = {}};
  for (std::size_t c = 0; c < classes.size(); ++c) {
    std::vector<std::int64_t> packed;
    std::int64_t place = 0;
    for (const std::int64_t row : held.rows(c)) {
      if (moved.has(c, row)) packed.push_back(place);
      ++place;
    }
    if (!packed.empty()) transfer.parts.push_back({classes[c], {static_cast<int>(c), to_progressions(packed)}});
  }
  if (!transfer.parts.empty()) transfers.push_back(std::move(transfer));
}

void add_own(std::vector<Transfer>& transfers, int peer, const Need& moved, const std::vector<HeadRange>& classes) {
  Transfer transfer{.peer = peer, .parts = {}};
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const std::vector<std::int64_t> rows = moved.rows(c);
    if (!rows.empty()) transfer.parts.push_back({classes[c], {RowSource::kOwn, to_progressions(rows)}});
  }
  if (!transfer.parts.empty()) transfers.push_back(std::move(transfer));
}

}  // namespace ringattn
