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
  std::string_view what{};            ///< one sentence
  std::vector<std::string_view>
      defects{};              ///< names from attention/defect.h that, added to the intended function, reproduce it
  std::string_view raises{};  ///< the Python exception type where it raised
  int chunks = 0;             ///< into which the class cut the sequence; 0: as many as there are ranks
};

/// What a rank of several got back.
enum class Returns { full_sequence, local_rows };
/// What forward() took: query, key, value (batch, n, heads, dim); the three (batch, n, embed) with projections of its
/// own; or one x (batch, n, embed) likewise.
enum class Takes { qkv, projected_qkv, x };
std::string_view to_string(Returns returns);
std::string_view to_string(Takes takes);

/// How the intended function reads segment_lengths: as they are, or as a number of rows, r apart: they reach
/// (w - 1) r + 1 rows.
enum class LengthRule { as_given, reach };

/// Recordings of the original: `ringattn replay tests/golden/FOLDER --filter 'NAME/*'`.
struct Recorded {
  std::string_view folder{};
  int cases = 0;
};

/// One released class: what it was, what it was meant to compute, and what replaces it.
struct CatalogueEntry {
  std::string_view name{};
  std::vector<std::string_view> aliases{};
  std::string_view class_name{};
  std::string_view commit{};  ///< of github.com/DarcStar-Solutions-Tech/dilated-attention-pytorch
  std::string_view file{};
  std::string_view summary{};
  std::optional<PatternAxes> intended{};  ///< the intended function, spelled so that nothing the engine reads can bend
                                          ///< it; none: there is none, or no axes say it
  std::string_view intended_why{};        ///< how the intention was read off the class, or why there is none
  /// Pattern of the new API that computes the intended function; `custom`: spelled in the axes of `intended`; none:
  /// nothing does.
  std::optional<PatternName> preserving{};
  /// When that holds, and what the released class wanted besides; empty where nothing preserves it: condition_of.
  std::string_view condition{};
  LengthRule lengths = LengthRule::as_given;
  std::string_view guide_target{};  ///< what the migration guide says to use, or would
  bool named_in_guide = true;
  Returns returns = Returns::full_sequence;
  Takes takes = Takes::qkv;
  std::string_view extra_dropout{};  ///< what the released class dropped in training besides weights; empty: nothing
  std::string_view race{};           ///< why it has no single answer on `race_from` ranks and more; empty: it has one
  int race_from = 2;
  std::string_view arguments{};  ///< constructor arguments of `as shipped`, as JSON, where the defaults won't do
  Recorded recordings{};
  DeprecationSchedule deprecation{};
  std::vector<ShippedBehaviour> shipped{};
};

/// Every entry, by family.
std::span<const CatalogueEntry> catalogue();

/// By name, alias or class name; letter case, '-' and '_' do not matter. Where several entries are generations of one
/// class, its name means the one that comes first. UsageError with the nearest names.
const CatalogueEntry& find_legacy(std::string_view name);

/// The entries that a name or a glob over names and class names ("v2*", "*Hilbert*") means; "all": every entry.
/// UsageError where nothing matches.
std::vector<const CatalogueEntry*> find_legacy_family(std::string_view pattern);

/// The other entries of the same class.
std::vector<std::string> other_generations(const CatalogueEntry& entry);

/// When `preserving` computes the intended function, or "none: " and why nothing does.
std::string condition_of(const CatalogueEntry& entry);

/// Whether the class never returned a value: it raised in one process and in several.
bool only_raises(const CatalogueEntry& entry);

/// Pairs from the guide's two lists. UsageError if their lengths differ, a number is below 1, or both are empty.
std::vector<Pair> pairs_from(const std::vector<std::int64_t>& segment_lengths,
                             const std::vector<std::int64_t>& dilation_rates);

/// The intended function on a problem; dropout and softmax_scale are the class's constructor arguments, dropout acting
/// in training alone. UsageError where the problem makes no sense; Unavailable with the reason where there is no
/// intended function.
AttentionFunction intended_function(const CatalogueEntry& entry, const std::vector<Pair>& pairs, const Problem& problem,
                                    double dropout = 0.0, std::optional<double> softmax_scale = {});

/// The configuration of the new API that computes the intended function; nullopt where none does.
std::optional<RingAttentionConfig> preserving_config(const CatalogueEntry& entry, const std::vector<Pair>& pairs);

/// What following the guide gives: its target class with the same two lists, and the default pattern.
RingAttentionConfig guide_config(const std::vector<Pair>& pairs);

/// How the released class departed from the intended function on that many ranks; nullptr where it did not.
const ShippedBehaviour* shipped_behaviour(const CatalogueEntry& entry, int ranks, bool is_causal);

/// The defects of that behaviour of a class that was called with these pairs, for the oracle; empty where there are
/// none or no list of known defects reproduces it.
Defects known_defects(const CatalogueEntry& entry, int ranks, bool is_causal, const std::vector<Pair>& pairs = {});

}  // namespace ringattn::legacy
