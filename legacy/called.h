#pragma once

#include "config/json.h"
#include "legacy/catalogue.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

// A released class as somebody called it: what arguments of its constructor and of the call make of the function that
// its entry says it was meant to compute, and of the ways in which it departed from that.

namespace ringattn::legacy {

/// What became of an attention mask.
enum class MaskFate {
  not_taken,  ///< the call had no such argument
  ignored,    ///< it had one, and made nothing of it
  added       ///< it was added to the scores of every chunk, as it was
};
MaskFate mask_fate(const CatalogueEntry& entry);

/// Whether these arguments have a softmax scale, and the class took it.
bool takes_softmax_scale(const CatalogueEntry& entry, const Json& constructor);

/// How it was called, besides its two lists.
struct Calling {
  Json constructor = Json::object();        ///< arguments that are not the class's own
  std::optional<std::int64_t> ring_size{};  ///< none: the world size
  int ranks = 1;
  bool is_causal = false;
  bool is_masked = false;
  bool is_scaled = false;  ///< a softmax scale was asked for
};

/// The entry with the intended function, and the pattern that preserves it, as the arguments make them: without a
/// curve (use_hilbert false) rows are counted by position.
CatalogueEntry called_with(const CatalogueEntry& entry, const Json& constructor);

/// Lists of defects that may explain what the class returned, likeliest first; each holds for the intended function of
/// called_with. A ring in one process is chunks one after the other; a ring of one rank is as one process.
std::vector<Defects> shipped_defects(const CatalogueEntry& entry, const Calling& calling,
                                     const std::vector<Pair>& pairs);

}  // namespace ringattn::legacy
