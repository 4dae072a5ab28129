#pragma once

#include "attention/defect.h"
#include "config/axes.h"
#include "config/problem.h"
#include "config/ring_attention_config.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn::legacy {

/// Versions: the class warns from `warns`, is found in legacy/ from `moves`, and is gone in `removed`.
struct DeprecationSchedule {
  std::string_view warns = "0.3.0";
  std::string_view moves = "0.4.0";
  std::string_view removed = "0.5.0";
};

/// What the released class did on world sizes [ranks_min, ranks_max], where that was not the intended function.
struct ShippedBehaviour {
  int ranks_min = 1;
  int ranks_max = 0;                  ///< 0: no upper end
  bool causal = false, full = false;  ///< for which masks
  std::string_view what;              ///< one sentence
  std::vector<std::string_view>
      defects{};              ///< names from attention/defect.h that, added to the intended function, reproduce it
  std::string_view raises{};  ///< the Python exception type where it raised
};

/// One released class: what it was, what it was meant to compute, and what replaces it.
struct CatalogueEntry {
  std::string_view name;
  std::vector<std::string_view> aliases;
  std::string_view class_name;
  std::string_view commit;  ///< of github.com/DarcStar-Solutions-Tech/dilated-attention-pytorch
  std::string_view file;
  std::string_view summary;
  PatternAxes intended;           ///< the intended function, spelled here so that nothing the engine reads can bend it
  std::string_view intended_why;  ///< how the intention was read off the class
  std::optional<PatternName>
      preserving;                 ///< pattern of the new API that computes the intended function; none: none does
  std::string_view condition;     ///< when that holds, and what the released class wanted besides
  std::string_view guide_target;  ///< what the migration guide says to use
  bool named_in_guide = true;
  std::string_view extra_dropout{};  ///< what the released class dropped in training besides weights; empty: nothing
  DeprecationSchedule deprecation{};
  std::vector<ShippedBehaviour> shipped{};
};

/// Every entry, in the order in which the classes were written.
std::span<const CatalogueEntry> catalogue();

/// By name, alias or class name; letter case, '-' and '_' do not matter. UsageError with the nearest names.
const CatalogueEntry& find_legacy(std::string_view name);

/// Pairs from the guide's two lists. UsageError if their lengths differ, a number is below 1, or both are empty.
std::vector<Pair> pairs_from(const std::vector<std::int64_t>& segment_lengths,
                             const std::vector<std::int64_t>& dilation_rates);

/// The intended function on a problem; dropout and softmax_scale are the class's constructor arguments, dropout acting
/// in training alone. UsageError where the problem makes no sense.
AttentionFunction intended_function(const CatalogueEntry& entry, const std::vector<Pair>& pairs, const Problem& problem,
                                    double dropout = 0.0, std::optional<double> softmax_scale = {});

/// The configuration of the new API that computes the intended function; nullopt where none does.
std::optional<RingAttentionConfig> preserving_config(const CatalogueEntry& entry, const std::vector<Pair>& pairs);

/// What following the guide gives: its target class with the same two lists, and the default pattern.
RingAttentionConfig guide_config(const std::vector<Pair>& pairs);

/// How the released class departed from the intended function on that many ranks; nullptr where it did not.
const ShippedBehaviour* shipped_behaviour(const CatalogueEntry& entry, int ranks, bool is_causal);

/// The defects of that behaviour, for the oracle; empty where there are none or no list of known defects reproduces it.
Defects known_defects(const CatalogueEntry& entry, int ranks, bool is_causal);

}  // namespace ringattn::legacy
