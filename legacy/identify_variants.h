#pragma once

#include "compare/recording.h"
#include "compare/user_recording.h"
#include "legacy/catalogue.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace ringattn::legacy {

/// One way in which a class may have been called, and what of it nobody gave.
struct CallVariant {
  Recording called;
  std::string words{};  ///< "use_hilbert=false"; empty: as given
};

/// The call as it is given; and, where arguments are missing, with heads and dim as the tensors have them and without
/// flash attention and memory pools, which raised without a GPU.
std::vector<CallVariant> given_variants(const CatalogueEntry& entry, const Recording& called,
                                        const UserRecording& recording);

/// ring_size as it is given; where it is not, and one process went round all chunks: none, then what it may have been.
std::vector<std::optional<std::int64_t>> possible_ring_sizes(std::optional<std::int64_t> given, int ranks);
std::string ring_words(std::int64_t ring_size);

/// The same with arguments set that change numbers, that released classes read and that nobody gave; on several ranks
/// also with rows that came already split.
std::vector<CallVariant> option_variants(const CatalogueEntry& entry, const Recording& called,
                                         const UserRecording& recording);

/// Chunks that one rank may have used in a race on k <= 4 ranks: its own first, then any; the same tail on every rank,
/// as ranks raced each for itself. Empty where there is no race.
std::vector<std::vector<std::vector<std::int64_t>>> races(const CatalogueEntry& entry, int ranks);

}  // namespace ringattn::legacy
