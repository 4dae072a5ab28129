#include "config/ring_attention_config.h"
#include "fuzz.h"

namespace ringattn::fuzz {
namespace {

/// A configuration, as --new-config FILE reads it.
void examine(std::string_view text) {
  const auto config = value_or_refusal([&] { return config_from_json_text(text, "file"); }, "file: ");
  if (!config) return;
  require(config_from_json_text(to_json_text(*config), "written") == *config, "every field is written and read back");
  require(config_from_json_text(to_json_text_short(*config), "written") == *config,
          "fields that are left out are at their defaults");
  (void)to_python(*config);
  const auto is_valid = value_or_refusal([&] { return validate(*config), true; });
  const auto function = value_or_refusal([&] { return resolve_function(*config, 4096, 8, true); });
  require(is_valid.has_value() || !function, "what is not valid has no function");
  if (!function) return;
  require(!function->pairs.empty(), "a function has pairs");
  for (const Pair& pair : function->pairs)
    require(pair.segment_length >= 1 && pair.dilation_rate >= 1, "lengths and rates are positive");
}

const Fuzzer registered("config", examine);

}  // namespace

}  // namespace ringattn::fuzz
