#include "config/did_you_mean.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>

namespace ringattn {
namespace {

constexpr std::size_t word_length_max = 64;

std::string folded(std::string_view word) {
  std::string result(word.substr(0, word_length_max));
  std::transform(result.begin(), result.end(), result.begin(),
                 [](unsigned char c) { return c == '-' ? '_' : static_cast<char>(std::tolower(c)); });
  return result;
}

std::string quoted(const std::string& word) { return "\"" + word + "\""; }

}  // namespace

// Optimal string alignment: d(i,j) = min(d(i-1,j)+1, d(i,j-1)+1, d(i-1,j-1)+[a_i != b_j], d(i-2,j-2)+1 where two
// neighbours swapped).
std::size_t edit_distance(std::string_view a, std::string_view b) {
  const std::string x = folded(a);
  const std::string y = folded(b);
  std::array<std::array<std::size_t, word_length_max + 1>, 3> rows{};
  for (std::size_t j = 0; j <= y.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= x.size(); ++i) {
    auto& now = rows[i % 3];
    const auto& above = rows[(i + 2) % 3];
    const auto& two_above = rows[(i + 1) % 3];
    now[0] = i;
    for (std::size_t j = 1; j <= y.size(); ++j) {
      const std::size_t substituted = above[j - 1] + (x[i - 1] == y[j - 1] ? 0 : 1);
      now[j] = std::min({above[j] + 1, now[j - 1] + 1, substituted});
      const bool swapped = i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1];
      if (swapped) now[j] = std::min(now[j], two_above[j - 2] + 1);
    }
  }
  return rows[x.size() % 3][y.size()];
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> known) {
  std::optional<std::string> best;
  std::size_t best_distance = word_length_max + 1;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    const std::size_t allowed = std::max<std::size_t>(1, std::max(word.size(), candidate.size()) / 3);
    if (distance > allowed || distance >= std::max(word.size(), candidate.size()) || distance >= best_distance)
      continue;
    best = candidate;
    best_distance = distance;
  }
  if (best || word.size() < 2) return best;
  const std::string prefix = folded(word);
  const auto begins = [&](const std::string& candidate) { return folded(candidate).starts_with(prefix); };
  if (std::count_if(known.begin(), known.end(), begins) == 1) return *std::find_if(known.begin(), known.end(), begins);
  return std::nullopt;
}

std::string did_you_mean(std::string_view word, std::span<const std::string> known) {
  if (const auto near = nearest(word, known)) return "; did you mean " + quoted(*near) + "?";
  if (known.empty()) return "";
  constexpr std::size_t listed_max = 12;
  std::string list;
  for (std::size_t i = 0; i < std::min(known.size(), listed_max); ++i) list += (i == 0 ? "" : ", ") + known[i];
  return "; known: " + list + (known.size() > listed_max ? ", …" : "");
}

}  // namespace ringattn
