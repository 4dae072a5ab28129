#include "compare/cost_judge.h"

#include <fmt/format.h>

#include <algorithm>

namespace ringattn {
namespace {

struct Quantity {
  const char* words;
  std::int64_t RankCost::*spent;
  std::int64_t PassPrice::*priced;  ///< null: 0
};
constexpr Quantity kQuantities[] = {
    {"sends {} messages, its plan has {}", &RankCost::messages, &PassPrice::messages},
    {"sends {} bytes, its plan has {}", &RankCost::sent_bytes, &PassPrice::sent_bytes},
    {"receives {} bytes, its plan has {}", &RankCost::received_bytes, &PassPrice::received_bytes},
    {"peaks at {} bytes above its inputs, its plan has {}", &RankCost::peak_bytes, &PassPrice::peak_bytes},
    {"keeps {} bytes beside its results, its plan has {}", &RankCost::kept_bytes, nullptr},
};

/// The first rank that differs, and how many more do.
std::string difference_of(const Quantity& quantity, std::span<const RankCost> spent,
                          std::span<const PassPrice> priced) {
  std::string words;
  int more = 0;
  for (std::size_t rank = 0; rank < std::min(spent.size(), priced.size()); ++rank) {
    const std::int64_t found = spent[rank].*quantity.spent;
    const std::int64_t expected = quantity.priced != nullptr ? priced[rank].*quantity.priced : 0;
    if (found == expected) continue;
    if (words.empty())
      words = fmt::format("rank {} ", rank) + fmt::format(fmt::runtime(quantity.words), found, expected);
    else
      ++more;
  }
  if (more > 0) words += fmt::format(" ({} more)", more);
  return words;
}

}  // namespace

std::string cost_difference(std::span<const RankCost> spent, std::span<const PassPrice> priced) {
  std::string words;
  for (const Quantity& quantity : kQuantities) {
    const std::string difference = difference_of(quantity, spent, priced);
    if (!difference.empty()) words += (words.empty() ? "" : "; ") + difference;
  }
  return words;
}

}  // namespace ringattn
