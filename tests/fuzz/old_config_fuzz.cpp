#include "fuzz.h"
#include "legacy/old_config.h"

#include <functional>

namespace ringattn::fuzz {
namespace {

/// --config of an old class: read without knowing whose it is, then settled for one of them.
void examine(std::string_view text) {
  const auto old = value_or_refusal(
      [&] { return legacy::read_old_parameters(parse_json_strict(text, "old.json"), "old.json"); }, "old.json: ");
  if (!old) return;
  const auto classes = legacy::catalogue();
  const legacy::CatalogueEntry& entry = classes[std::hash<std::string_view>{}(text) % classes.size()];
  for (const bool as_shipped : {false, true}) {
    const legacy::SettledParameters settled = legacy::settle_old_parameters(entry, *old, as_shipped);
    require(settled.parameters.size() >= old->given.size(), "every argument is accounted for");
    RingAttentionConfig config;
    for (const FieldValue& field : settled.fields)
      value_or_refusal([&] { return set_field(config, field.field, field.value, "old.json"), true; }, "old.json");
  }
}

const Fuzzer registered("old_config", examine);

}  // namespace

}  // namespace ringattn::fuzz
