#include "legacy/catalogue.h"

#include "config/did_you_mean.h"
#include "config/error.h"
#include "legacy/catalogue_tables.h"

#include <algorithm>
#include <cctype>
#include <fnmatch.h>

namespace ringattn::legacy {
namespace {

std::string folded(std::string_view name) {
  std::string result;
  for (const char c : name) {
    if (c != '-' && c != '_') result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return result;
}

std::vector<std::string> names_of(const CatalogueEntry& entry) {
  std::vector<std::string> names{std::string(entry.name), std::string(entry.class_name)};
  for (const std::string_view alias : entry.aliases) names.emplace_back(alias);
  return names;
}

void check_list(const char* field, const std::vector<std::int64_t>& values) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (values[i] >= 1) continue;
    throw UsageError(std::string(field) + "/" + std::to_string(i) + ": " + std::to_string(values[i]) +
                     " must be at least 1");
  }
}

/// The pairs of the intended function.
std::vector<Pair> read_lengths(const CatalogueEntry& entry, std::vector<Pair> pairs) {
  if (entry.lengths == LengthRule::reach) {
    for (Pair& pair : pairs) pair.segment_length = (pair.segment_length - 1) * pair.dilation_rate + 1;
  }
  return pairs;
}

PatternAxes intended_axes(const CatalogueEntry& entry) {
  if (entry.intended) return *entry.intended;
  throw Unavailable(std::string(entry.class_name) + " (" + std::string(entry.name) +
                    ") has no intended function: " + std::string(entry.intended_why));
}

RingAttentionConfig config_of(const std::vector<Pair>& pairs) {
  RingAttentionConfig config;
  for (const Pair& pair : pairs) {
    config.segment_lengths.push_back(pair.segment_length);
    config.dilation_rates.push_back(pair.dilation_rate);
  }
  return config;
}

}  // namespace

std::string_view to_string(Returns returns) {
  return returns == Returns::local_rows ? "the rank's own rows" : "the full sequence on every rank";
}

std::string_view to_string(Takes takes) {
  if (takes == Takes::x) return "x (batch, n, embed), with projections of its own";
  if (takes == Takes::projected_qkv) return "query, key, value (batch, n, embed), with projections of its own";
  return "query, key, value (batch, n, heads, dim)";
}

std::span<const CatalogueEntry> catalogue() {
  static const std::vector<CatalogueEntry> entries = [] {
    std::vector<CatalogueEntry> all;
    for (const auto& table :
         {catalogue_of_bases(), catalogue_of_first_rings(), catalogue_of_v2(), catalogue_of_x_rings(),
          catalogue_of_hybrids(), catalogue_of_wrappers(), catalogue_of_hilbert(), catalogue_of_hilbert_hybrids(),
          catalogue_of_hilbert_kernels(), catalogue_of_new_variants()})
      all.insert(all.end(), table.begin(), table.end());
    return all;
  }();
  return entries;
}

const CatalogueEntry& find_legacy(std::string_view name) {
  const std::string wanted = folded(name);
  std::vector<std::string> known;
  for (const CatalogueEntry& entry : catalogue()) {
    if (folded(entry.name) == wanted) return entry;
    for (const std::string& each : names_of(entry)) known.push_back(each);
  }
  for (const CatalogueEntry& entry : catalogue()) {
    for (const std::string& each : names_of(entry)) {
      if (folded(each) == wanted) return entry;
    }
  }
  throw UsageError("old implementation: '" + std::string(name) + "' is not in the catalogue" +
                   did_you_mean(name, known));
}

std::vector<const CatalogueEntry*> find_legacy_family(std::string_view pattern) {
  if (pattern.find_first_of("*?[") == std::string_view::npos && pattern != "all") return {&find_legacy(pattern)};
  const std::string glob = pattern == "all" ? "*" : folded(pattern);
  std::vector<const CatalogueEntry*> found;
  for (const CatalogueEntry& entry : catalogue()) {
    const std::vector<std::string> names = names_of(entry);
    if (std::any_of(names.begin(), names.end(),
                    [&](const std::string& each) { return fnmatch(glob.c_str(), folded(each).c_str(), 0) == 0; }))
      found.push_back(&entry);
  }
  if (found.empty())
    throw UsageError("old implementation: no name in the catalogue matches '" + std::string(pattern) +
                     "'; see `ringattn list --deprecated`");
  return found;
}

std::vector<std::string> other_generations(const CatalogueEntry& entry) {
  std::vector<std::string> others;
  for (const CatalogueEntry& each : catalogue()) {
    if (each.class_name == entry.class_name && each.name != entry.name) others.emplace_back(each.name);
  }
  return others;
}

std::string condition_of(const CatalogueEntry& entry) {
  return entry.intended ? std::string(entry.condition) : "none: " + std::string(entry.intended_why);
}

bool only_raises(const CatalogueEntry& entry) {
  const auto raises_at = [&](int ranks, bool is_causal) {
    const ShippedBehaviour* behaviour = shipped_behaviour(entry, ranks, is_causal);
    return behaviour != nullptr && !behaviour->raises.empty();
  };
  return raises_at(1, false) && raises_at(1, true) && raises_at(2, false);
}

std::vector<Pair> pairs_from(const std::vector<std::int64_t>& segment_lengths,
                             const std::vector<std::int64_t>& dilation_rates) {
  if (segment_lengths.empty()) throw UsageError("segment_lengths: the list is empty; an old class wants at least one");
  if (segment_lengths.size() != dilation_rates.size()) {
    throw UsageError("dilation_rates: " + std::to_string(dilation_rates.size()) + " values, but segment_lengths has " +
                     std::to_string(segment_lengths.size()) + "; they must have the same length");
  }
  check_list("segment_lengths", segment_lengths);
  check_list("dilation_rates", dilation_rates);
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < segment_lengths.size(); ++i) pairs.push_back({segment_lengths[i], dilation_rates[i]});
  return pairs;
}

AttentionFunction intended_function(const CatalogueEntry& entry, const std::vector<Pair>& pairs, const Problem& problem,
                                    double dropout, std::optional<double> softmax_scale) {
  validate(problem);
  const PatternAxes axes = intended_axes(entry);
  const bool drops = problem.is_training && dropout > 0.0;
  return {.axes = axes,
          .pairs = axes == PatternAxes{} ? std::vector<Pair>{{problem.seq_len, 1}} : read_lengths(entry, pairs),
          .seq_len = problem.seq_len,
          .heads = problem.heads,
          .is_causal = problem.is_causal,
          .kv_heads = problem.kv_heads == problem.heads ? 0 : problem.kv_heads,
          .window = problem.window,
          .documents = problem.documents,
          .mask = problem.mask,
          .dropout = drops ? dropout : 0.0,
          .dropout_seed = drops ? problem.dropout_seed : 0,
          .softmax_scale = softmax_scale};
}

std::optional<RingAttentionConfig> preserving_config(const CatalogueEntry& entry, const std::vector<Pair>& pairs) {
  if (!entry.preserving) return std::nullopt;
  RingAttentionConfig config = config_of(read_lengths(entry, pairs));
  config.pattern.name = *entry.preserving;
  if (entry.preserving == PatternName::custom) config.pattern.axes = intended_axes(entry);
  return config;
}

RingAttentionConfig guide_config(const std::vector<Pair>& pairs) { return config_of(pairs); }

const ShippedBehaviour* shipped_behaviour(const CatalogueEntry& entry, int ranks, bool is_causal) {
  for (const ShippedBehaviour& behaviour : entry.shipped) {
    const bool ranks_fit = ranks >= behaviour.ranks_min && (behaviour.ranks_max == 0 || ranks <= behaviour.ranks_max);
    if (ranks_fit && (is_causal ? behaviour.causal : behaviour.full)) return &behaviour;
  }
  return nullptr;
}

}  // namespace ringattn::legacy
