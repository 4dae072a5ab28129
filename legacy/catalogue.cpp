#include "legacy/catalogue.h"

#include "config/did_you_mean.h"
#include "config/error.h"

#include <cctype>

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

RingAttentionConfig config_of(const std::vector<Pair>& pairs) {
  RingAttentionConfig config;
  for (const Pair& pair : pairs) {
    config.segment_lengths.push_back(pair.segment_length);
    config.dilation_rates.push_back(pair.dilation_rate);
  }
  return config;
}

}  // namespace

const CatalogueEntry& find_legacy(std::string_view name) {
  std::vector<std::string> known;
  for (const CatalogueEntry& entry : catalogue()) {
    for (const std::string& each : names_of(entry)) {
      if (folded(each) == folded(name)) return entry;
      known.push_back(each);
    }
  }
  throw UsageError("old implementation: '" + std::string(name) + "' is not in the catalogue" +
                   did_you_mean(name, known));
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
  const bool drops = problem.is_training && dropout > 0.0;
  return {.axes = entry.intended,
          .pairs = pairs,
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
  RingAttentionConfig config = config_of(pairs);
  config.pattern.name = *entry.preserving;
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

Defects known_defects(const CatalogueEntry& entry, int ranks, bool is_causal) {
  Defects defects;
  if (const ShippedBehaviour* behaviour = shipped_behaviour(entry, ranks, is_causal)) {
    for (const std::string_view name : behaviour->defects) defects.push_back(find_defect(name));
  }
  return defects;
}

}  // namespace ringattn::legacy
