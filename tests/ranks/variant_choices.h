#pragma once

#include "tests/ranks/axis_choices.h"

#include <string>
#include <vector>

// Curves of limited level, layouts along them, and block sparsity with every rule, on dense and on dilated patterns.

namespace ringattn::testing {

struct Variant {
  std::string pattern;  ///< JSON
  std::string lengths = "[]";
  std::string rates = "[]";
  std::string layout = "auto";
  std::int64_t seq_len = 192;
  std::int64_t curve_level = 8;
  std::int64_t curve_min = 64;
};

inline const std::vector<Variant>& variants() {
  static const std::vector<Variant> list{
      {.pattern = R"({"from":"dilated_keys","order":"hilbert","tail":"short"})",
       .lengths = "[90,40,130]",
       .rates = "[2,3,3]",
       .layout = "hilbert",
       .seq_len = 157,
       .curve_level = 3,
       .curve_min = 41},
      {.pattern = R"({"from":"dense","order":"hilbert","blocks":{"rule":"grid","block_size":16,"grid_width":16,)"
                  R"("grid_radius":2}})",
       .lengths = "[256]",
       .rates = "[1]",
       .seq_len = 256},
      {.pattern = R"({"from":"dense","blocks":{"rule":"local","block_size":8,"sparsity_ratio":0.7}})"},
      {.pattern = R"({"from":"dilated_keys","blocks":{"rule":"dilated","block_size":8,"sparsity_ratio":0.6}})",
       .lengths = "[64,96,192]",
       .rates = "[1,2,3]"},
      {.pattern = R"({"from":"dense","blocks":{"rule":"dilated","block_size":12,"sparsity_ratio":0.75,)"
                  R"("rates":[1,2,4],"per_head":true}})"},
      {.pattern = R"({"from":"longnet","blocks":{"rule":"global_local","block_size":8,"sparsity_ratio":0.6,)"
                  R"("global_blocks":2}})",
       .lengths = "[64,128]",
       .rates = "[1,2]"},
      {.pattern = "\"block_sparse\"", .lengths = "[64,192]", .rates = "[1,2]", .seq_len = 448},
      {.pattern = R"({"from":"residue","order":"snake","blocks":{"rule":"local","block_size":16,)"
                  R"("sparsity_ratio":0.5}})",
       .lengths = "[80,112]",
       .rates = "[2,3]"},
  };
  return list;
}

inline RingAttentionConfig config_of(const Variant& variant) {
  RingAttentionConfig config;
  if (variant.lengths != "[]") config = ring_config("auto", variant.lengths, variant.rates);
  set_field(config, "pattern", variant.pattern, "test");
  set_field(config, "layout", variant.layout, "test");
  config.hilbert_curve_level = variant.curve_level;
  config.hilbert_min_segment_size = variant.curve_min;
  return config;
}

/// What the variants are used with.
inline std::vector<Extras> variant_extras() {
  return {{},
          {.is_causal = true},
          {.is_causal = true, .mask = Extras::Mask::keys},
          {.mask = Extras::Mask::scores},
          {.is_causal = true, .kv_heads = 2},
          {.has_documents = true}};
}

}  // namespace ringattn::testing
