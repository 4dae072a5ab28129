#include "plan/bands.h"

#include <algorithm>

namespace ringattn {
namespace {

constexpr std::int64_t kRowsMax = 512;
constexpr std::int64_t kRowsMin = 64;
/// Keys of one band that are seen in part; its bias stays small.
constexpr std::int64_t kPartialKeysMax = 1024;
/// A full part of fewer keys isn't worth a call of its own.
constexpr std::int64_t kFullKeysMin = 64;

class BandMaker {
 public:
  BandMaker(const OwnedRows& query, const OwnedRows& key, const Visibility& visibility) : key_(key) {
    for (const std::int64_t position : query.position) {
      const PositionRange range = visibility.keys_of(position);
      seen_.push_back({number_of(range.begin), number_of(range.end)});
    }
  }

  std::vector<Band> make(std::int64_t rows) {
    const auto queries = static_cast<std::int64_t>(seen_.size());
    for (std::int64_t first = 0; first < queries;) {
      if (at(first).size() == 0) {
        ++first;
        continue;
      }
      const std::int64_t last = end_of_stretch(first, queries, rows);
      add_stretch(first, last);
      first = last;
    }
    return std::move(bands_);
  }

 private:
  const Stretch& at(std::int64_t i) const { return seen_[static_cast<std::size_t>(i)]; }

  std::int64_t number_of(std::int64_t position) const {
    return std::lower_bound(key_.position.begin(), key_.position.end(), position) - key_.position.begin();
  }

  /// Queries that see the same keys stay together; others up to `rows` of them, as long as each sees something, their
  /// keys hang together, and few of them are seen in part.
  std::int64_t end_of_stretch(std::int64_t first, std::int64_t queries, std::int64_t rows) const {
    std::int64_t last = first + 1;
    while (last < queries && at(last) == at(first)) ++last;
    if (last - first >= rows) return last;
    while (last < queries && last - first < rows && at(last).size() > 0 && at(last).begin <= at(last - 1).end &&
           seen_in_part(first, last) <= kPartialKeysMax)
      ++last;
    return last;
  }

  /// Keys that the queries first … last see, but not all of them.
  std::int64_t seen_in_part(std::int64_t first, std::int64_t last) const {
    const std::int64_t by_all = Stretch{at(last).begin, at(first).end}.size();
    return Stretch{at(first).begin, at(last).end}.size() - (by_all < kFullKeysMin ? 0 : by_all);
  }

  void add_stretch(std::int64_t first, std::int64_t last) {
    const Stretch all{at(last - 1).begin, at(first).end};  // seen by every query
    const Stretch some{at(first).begin, at(last - 1).end};
    if (all == some) return add(first, last, all, MaskRule::full);
    if (all.size() < kFullKeysMin) return add(first, last, some, MaskRule::positions);
    add(first, last, all, MaskRule::full);
    add(first, last, {some.begin, all.begin}, MaskRule::positions);
    add(first, last, {all.end, some.end}, MaskRule::positions);
  }

  /// Leaves out the queries at both ends that see none of the keys.
  void add(std::int64_t first, std::int64_t last, const Stretch& keys, MaskRule rule) {
    const auto common = [&](std::int64_t i) {
      return Stretch{std::max(keys.begin, at(i).begin), std::min(keys.end, at(i).end)}.size();
    };
    while (first < last && common(first) == 0) ++first;
    while (first < last && common(last - 1) == 0) --last;
    if (first == last) return;
    Band band{.query = {first, last}, .key = keys, .rule = rule};
    for (std::int64_t i = first; i < last; ++i) band.couples += common(i);
    bands_.push_back(band);
  }

  const OwnedRows& key_;
  std::vector<Stretch> seen_;
  std::vector<Band> bands_;
};

}  // namespace

std::vector<Band> bands(const OwnedRows& query, const OwnedRows& key, const Visibility& visibility, std::int64_t rows) {
  if (query.size() == 0 || key.size() == 0) return {};
  return BandMaker(query, key, visibility).make(rows);
}

std::int64_t band_rows(const AttentionFunction& function) {
  const Window& window = function.window;
  if (window.left < 0 && window.right < 0) return kRowsMax;
  const std::int64_t width = std::max(window.left, window.right);
  return std::clamp(width / 2, kRowsMin, kRowsMax);
}

}  // namespace ringattn
