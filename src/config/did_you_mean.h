#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// Least number of single-character insertions, deletions, substitutions and swaps of neighbours that turn `a` into
/// `b`, letter case ignored. Time |a|·|b|, memory three rows; strings are cut at 64 characters, so that hostile input
/// stays cheap.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The known word nearest to `word`: within a third of the longer one's length, or the only one that begins with
/// `word`. Ties go to the earlier word. Nothing when no word is near.
std::optional<std::string> nearest(std::string_view word, std::span<const std::string> known);

/// The end of an error message: `; did you mean "ranks"?` when a word is near, else `; known: a, b, c` (at most 12 of
/// them).
std::string did_you_mean(std::string_view word, std::span<const std::string> known);

}  // namespace ringattn
