#include "legacy/identify_variants.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

namespace ringattn::legacy {
namespace {

/// Values of constructor arguments, and of a call's, that the released classes read.
std::vector<Json> option_values() {
  return {{{"use_hilbert", false}},
          {{"use_hilbert", true}},
          {{"use_flash_attention", false}},
          {{"use_flash_attention", true}},
          {{"hilbert_mode", "segment"}},
          {{"apply_hilbert_to_kv", false}},
          {{"use_custom_backward", false}},
          {{"attention_backend", "sdpa"}},
          {{"memory_efficient", false}},
          {{"use_bucketed", true}},
          {{"use_bucketed", false}},
          {{"batch_segments", false}},
          {{"pattern_type", "dilated"}},
          {{"pattern_type", "local"}, {"sparsity_ratio", 0.5}},
          {{"sparsity_ratio", 0.0}},
          {{"precompute_patterns", false}},
          {{"config", {{"use_hilbert", true}}}}};
}

std::string words_of(const Json& options) {
  std::string words;
  for (const auto& [name, value] : options.items()) words += (words.empty() ? "" : ", ") + name + "=" + value.dump();
  return words;
}

/// Adds those that are not there yet; false: there was nothing to add.
bool fill(Json& arguments, const Json& options) {
  bool added = false;
  for (const auto& [name, value] : options.items()) {
    if (arguments.contains(name)) continue;
    arguments[name] = value;
    added = true;
  }
  return added;
}

/// How many heads x may have been cut into: what is given, else the divisors of its width, few first.
std::vector<std::int64_t> possible_heads(const Recording& called, const UserRecording& recording) {
  if (recording.heads() > 0) return {recording.heads()};
  for (const char* name : {"num_heads", "heads"}) {
    const auto given = called.constructor.find(name);
    if (given != called.constructor.end() && given->is_number_integer()) return {given->get<std::int64_t>()};
  }
  std::vector<std::int64_t> divisors;
  const std::int64_t width = recording.rows().size(-1);
  for (std::int64_t heads = 1; heads <= std::min<std::int64_t>(width, 64); ++heads)
    if (width % heads == 0) divisors.push_back(heads);
  return divisors;
}

Json defaults_of(const CatalogueEntry& entry, const Recording& called, const UserRecording& recording,
                 std::int64_t heads) {
  const std::int64_t width = recording.rows().size(-1);
  const bool is_split = recording.heads() > 0;
  Json defaults = {{"use_flash_attention", false},
                   {"enable_memory_pool", false},
                   {"heads", heads},
                   {"num_heads", heads},
                   {"dim", width},
                   {"embed_dim", is_split ? width * heads : width},
                   {"head_dim", is_split ? width : width / heads}};
  if (!called.segment_lengths.empty()) defaults["segment_size"] = called.segment_lengths.front();
  if (!called.dilation_rates.empty()) defaults["dilation_rate"] = called.dilation_rates.front();
  if (!entry.arguments.empty()) defaults.update(Json::parse(entry.arguments));
  return defaults;
}

}  // namespace

std::vector<CallVariant> given_variants(const CatalogueEntry& entry, const Recording& called,
                                        const UserRecording& recording) {
  std::vector<CallVariant> variants{{called}};
  for (const std::int64_t heads : possible_heads(called, recording)) {
    CallVariant filled{called, recording.heads() > 0 ? "" : "heads=" + std::to_string(heads)};
    if (fill(filled.called.constructor, defaults_of(entry, called, recording, heads))) variants.push_back(filled);
  }
  if (!called.patched.ends_with("HAS_FLASH_UTILS=False")) return variants;
  if (entry.class_name.find("V2") == std::string_view::npos &&
      entry.class_name.find("Multihead") == std::string_view::npos)
    return variants;
  for (std::size_t i = 0, count = variants.size(); i < count; ++i) {
    CallVariant without = variants[i];
    without.called.patched += "; HAS_IMPROVED_ATTENTION=False";
    without.words += std::string(without.words.empty() ? "" : ", ") + "improved_dilated_attention.py absent";
    variants.push_back(std::move(without));
  }
  return variants;
}

std::vector<std::optional<std::int64_t>> possible_ring_sizes(std::optional<std::int64_t> given, int ranks) {
  if (given || ranks > 1) return {given};
  return {std::nullopt, 2, 3, 4, 8};
}

std::string ring_words(std::int64_t ring_size) { return "ring_size=" + std::to_string(ring_size); }

std::vector<CallVariant> option_variants(const CatalogueEntry& entry, const Recording& called,
                                         const UserRecording& recording) {
  std::vector<CallVariant> variants;
  for (const CallVariant& given : given_variants(entry, called, recording)) {
    const auto add = [&](CallVariant variant, const std::string& words) {
      variant.words += (variant.words.empty() ? "" : ", ") + words;
      variants.push_back(std::move(variant));
    };
    for (const Json& options : option_values()) {
      CallVariant with = given;
      const bool is_new = !called.constructor.contains(options.begin().key());
      with.called.constructor.update(is_new ? options : Json::object());
      if (options.contains("use_hilbert") && !called.call.contains("use_hilbert")) with.called.call.update(options);
      if (is_new) add(std::move(with), words_of(options));
    }
    for (const auto& ring_size : possible_ring_sizes(called.ring_size, called.world_size)) {
      if (ring_size == called.ring_size) continue;
      CallVariant ring = given;
      ring.called.ring_size = ring_size;
      add(std::move(ring), ring_words(*ring_size));
    }
    if (called.world_size > 1 && !called.is_presplit) {
      CallVariant split = given;
      split.called.is_presplit = true;
      split.called.call["already_split"] = true;
      add(std::move(split), "already_split=true");
    }
  }
  return variants;
}

std::vector<std::vector<std::vector<std::int64_t>>> races(const CatalogueEntry& entry, int ranks) {
  if (entry.race.empty() || ranks < 2 || ranks > 4) return {};
  std::vector<std::vector<std::int64_t>> tails(1);
  for (int step = 1; step < ranks; ++step) {
    std::vector<std::vector<std::int64_t>> longer;
    for (const auto& tail : tails) {
      for (int chunk = 0; chunk < ranks; ++chunk) {
        longer.push_back(tail);
        longer.back().push_back(chunk);
      }
    }
    tails = std::move(longer);
  }
  std::vector<std::vector<std::vector<std::int64_t>>> sequences;
  for (const auto& tail : tails) {
    std::vector<std::vector<std::int64_t>> by_rank;
    for (int rank = 0; rank < ranks; ++rank) {
      by_rank.push_back({rank});
      by_rank.back().insert(by_rank.back().end(), tail.begin(), tail.end());
    }
    sequences.push_back(std::move(by_rank));
  }
  return sequences;
}

}  // namespace ringattn::legacy
