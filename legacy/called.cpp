#include "legacy/called.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string>
#include <utility>

namespace ringattn::legacy {
namespace {

/// They took attention_mask, and warned or said nothing.
constexpr std::array<std::string_view, 22> kIgnoreMasks{"base",
                                                        "improved",
                                                        "ex_true_ring",
                                                        "ex_simulated",
                                                        "true_ring",
                                                        "simulated",
                                                        "v1",
                                                        "v1_b",
                                                        "unfold",
                                                        "unfold_v2",
                                                        "unfold_optimized",
                                                        "optimized_root",
                                                        "production",
                                                        "v2",
                                                        "v2_a",
                                                        "v2_efe",
                                                        "v2_fixed",
                                                        "v2_corrected",
                                                        "fixed_1",
                                                        "v3a",
                                                        "hilbert_proper",
                                                        "hilbert_gpu_optimized"};
constexpr std::array<std::string_view, 3> kAddMasks{"standard_shipped", "distributed_shipped", "hilbert_shipped"};
/// Their constructors took a scale: DilatedAttention heeds it with xFormers alone.
constexpr std::array<std::string_view, 2> kIgnoreScales{"base", "base_old"};
constexpr std::array<std::string_view, 1> kHeedScales{"production"};

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool flag(const Json& constructor, const char* name, bool otherwise) {
  const auto found = constructor.find(name);
  return found != constructor.end() && found->is_boolean() ? found->get<bool>() : otherwise;
}

bool is_along_curve(const Json& constructor) {
  return flag(constructor, "use_hilbert", true) && flag(constructor, "use_custom_backward", true);
}

Defect defect(std::string_view name, int ranks, const std::vector<Pair>& pairs) {
  Defect made = find_defect(name, ranks);
  made.given = pairs;
  return made;
}

/// Without a curve a triangle along it is one by position.
Defects without_curve(Defects defects, const std::vector<Pair>& pairs) {
  Defects kept;
  for (const Defect& each : defects) {
    if (each.name == "snake_causal" || each.name == "reflected_keys") continue;
    const bool is_chunked = each.name == "chunk_curve_causal";
    kept.push_back(is_chunked ? defect("chunk_triangle", each.ranks, pairs) : each);
  }
  return kept;
}

Defects joined(Defects first, const Defects& rest) {
  first.insert(first.end(), rest.begin(), rest.end());
  return first;
}

/// Runs that the map of the keys is made for, where the arguments say how long.
void set_runs(Defects& defects, const Json& constructor) {
  const auto found = constructor.find("hilbert_chunk_size");
  if (found == constructor.end() || !found->is_number_integer()) return;
  for (Defect& each : defects) {
    if (each.name == "reflected_keys") each.rows = found->get<std::int64_t>();
  }
}

/// The known lists of the class on some numbers of ranks, and by what single options changed.
class Candidates {
 public:
  Candidates(const CatalogueEntry& entry, const Calling& calling, const std::vector<Pair>& pairs)
      : entry_(entry), calling_(calling), pairs_(pairs) {}

  std::vector<Defects> all() {
    const auto ring = static_cast<int>(calling_.ring_size.value_or(calling_.ranks));
    if (ring != calling_.ranks || calling_.ring_size) add_ring(ring);
    add_options();
    add(at(calling_.ranks));
    if (ring == calling_.ranks && calling_.ranks > 1) add(at(1));
    for (const Defect& single : single_defects(calling_.ranks)) lists_.push_back({single});
    return std::move(lists_);
  }

 private:
  Defects at(int ranks) const {
    Defects known = known_defects(entry_, ranks, calling_.is_causal, pairs_);
    set_runs(known, calling_.constructor);
    return is_along_curve(calling_.constructor) ? known : without_curve(std::move(known), pairs_);
  }

  void add(Defects list) {
    if (!list.empty() && std::find(lists_.begin(), lists_.end(), list) == lists_.end())
      lists_.push_back(std::move(list));
  }

  /// Simulated in one process: chunk by chunk, and merged, added or left apart; on several ranks the world's own.
  void add_ring(int ring) {
    Defects apart = at(1);
    for (Defect& each : apart) each.ranks = calling_.ranks == 1 ? ring : each.ranks;
    add(joined({defect("chunks_apart", ring, pairs_)}, at(1)));
    add(joined({defect("chunks_apart", ring, pairs_)}, apart));
    add(at(ring));
    add(at(1));
    add({defect("chunk_sum", ring, pairs_)});
    add({defect("pattern_ignored", 1, pairs_), defect("first_chunk_repeated", ring, pairs_),
         defect("unnormalised_merge", ring, pairs_)});
    add(joined({defect("chunk_sum", ring, pairs_)}, at(1)));
    add_long_chunks(ring);
  }

  /// Chunks that hold the longest segment, or as many rows as the arguments say, added up; shorter ones don't count.
  void add_long_chunks(int ring) {
    Defect sum = defect("chunk_sum", ring, pairs_);
    for (const Pair& pair : pairs_) sum.rows = std::max(sum.rows, pair.segment_length);
    const auto size = calling_.constructor.find("chunk_size_kv");
    if (size != calling_.constructor.end() && size->is_number_integer()) {
      sum.rows = size->get<std::int64_t>();
      sum.ranks = std::numeric_limits<int>::max();
    }
    Defect short_ones = sum;
    short_ones.name = find_defect("short_chunks_left_out").name;
    add(joined({sum, short_ones}, at(1)));
  }

  void add_options() {
    if (!flag(calling_.constructor, "batch_segments", true)) {
      add({defect("not_divided", 1, pairs_), defect("last_slot_dropped", 1, pairs_),
           defect("first_segment_causal", 1, pairs_), defect("heads_swapped", 1, pairs_)});
      add({defect("not_divided", 1, pairs_), defect("first_segment_causal", 1, pairs_)});
    }
    if (!flag(calling_.constructor, "use_sdpa", true))
      add({defect("class_of_position", 1, pairs_), defect("counted_by_later_queries", 1, pairs_)});
  }

  const CatalogueEntry& entry_;
  const Calling& calling_;
  const std::vector<Pair>& pairs_;
  std::vector<Defects> lists_;
};

}  // namespace

MaskFate mask_fate(const CatalogueEntry& entry) {
  if (is_one_of(entry.name, kAddMasks)) return MaskFate::added;
  return is_one_of(entry.name, kIgnoreMasks) ? MaskFate::ignored : MaskFate::not_taken;
}

bool takes_softmax_scale(const CatalogueEntry& entry, const Json& constructor) {
  if (!constructor.contains("softmax_scale") && !constructor.contains("attention_scale")) return false;
  return is_one_of(entry.name, kIgnoreScales) || is_one_of(entry.name, kHeedScales);
}

CatalogueEntry called_with(const CatalogueEntry& entry, const Json& constructor) {
  CatalogueEntry called = entry;
  if (!entry.intended || flag(constructor, "use_hilbert", true)) return called;
  if (entry.intended->order == OrderRule::position) return called;
  called.intended->order = OrderRule::position;
  if (called.preserving) called.preserving = PatternName::custom;
  return called;
}

std::vector<Defects> shipped_defects(const CatalogueEntry& entry, const Calling& calling,
                                     const std::vector<Pair>& pairs) {
  std::vector<Defects> lists = Candidates(entry, calling, pairs).all();
  Defects always;
  if (calling.is_masked && mask_fate(entry) == MaskFate::ignored) always.push_back({"mask_ignored"});
  if (calling.is_masked && mask_fate(entry) == MaskFate::added) lists.push_back({{"mask_added_as_number"}});
  // Those that heed a scale know it as attention_scale alone.
  const bool is_heeded = is_one_of(entry.name, kHeedScales) && calling.constructor.contains("attention_scale");
  if (calling.is_scaled && takes_softmax_scale(entry, calling.constructor) && !is_heeded)
    always.push_back({"softmax_scale_ignored"});
  if (always.empty()) return lists;
  for (Defects& list : lists) list = joined(always, list);
  lists.insert(lists.begin(), always);
  return lists;
}

}  // namespace ringattn::legacy
