#include "fuzz.h"
#include "ring/deepspeed.h"

namespace ringattn::fuzz {
namespace {

/// A DeepSpeed configuration: every key acts or is named in a warning, and the result is a valid setting.
void examine(std::string_view text) {
  const auto settings =
      value_or_refusal([&] { return deepspeed_from_json_text(std::string(text), "ds.json"); }, "ds.json: ");
  if (!settings) return;
  require(settings->is_given && settings->sequence_parallel_size >= 1 && settings->profile_step >= 1,
          "settings keep to their bounds");
  require(!settings->dtype || *settings->dtype == Dtype::bf16 || *settings->dtype == Dtype::fp16,
          "only bf16 and fp16 can be enabled");
  for (const std::string& warning : settings->warnings) require(!warning.empty(), "a warning has words");
  const auto config = value_or_refusal([&] { return with_deepspeed(RingAttentionConfig{}, *settings); }, "dtype");
  require(config.has_value() && config->dtype == settings->dtype, "a configuration of no dtype takes the setting's");
}

const Fuzzer registered("deepspeed", examine);

}  // namespace

}  // namespace ringattn::fuzz
