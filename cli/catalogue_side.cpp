#include "cli/old_side.h"
#include "config/error.h"
#include "legacy/called.h"
#include "legacy/catalogue.h"
#include "legacy/deprecation.h"
#include "legacy/factory.h"
#include "legacy/module.h"

#include <utility>

namespace ringattn {
namespace {

/// An entry of the catalogue in legacy/.
class CatalogueSide final : public OldSide {
 public:
  CatalogueSide(const legacy::CatalogueEntry& entry, OldSideOptions options)
      : entry_(legacy::called_with(entry, options.constructor)), options_(std::move(options)) {}

  std::string id() const override { return std::string(entry_.name); }
  std::string function_name() const override {
    return entry_.intended ? std::string(to_string(name_of(*entry_.intended))) : "none";
  }
  std::string deprecation() const override { return legacy::deprecation_text(entry_); }

  std::unique_ptr<Attention> make(const Problem& problem, int ranks, const NamedTensors& layers) const override {
    const legacy::LegacyOptions made{.segment_lengths = options_.segment_lengths,
                                     .dilation_rates = options_.dilation_rates,
                                     .as_shipped = options_.as_shipped,
                                     .ring_size = options_.ring_size,
                                     .dropout = options_.dropout,
                                     .softmax_scale = options_.softmax_scale,
                                     .layers = layers,
                                     .constructor = options_.constructor};
    return legacy::make_legacy(entry_.name, made, problem, ranks);
  }

  bool is_module() const override { return options_.as_shipped && legacy::is_module(entry_); }
  std::vector<std::string> remarks() const override {
    return is_module() ? legacy::module_remarks(entry_, options_.segment_lengths.size()) : std::vector<std::string>{};
  }

  std::vector<Defects> defects(int ranks, bool is_causal, bool is_masked) const override {
    return legacy::shipped_defects(entry_,
                                   {.constructor = options_.constructor,
                                    .ring_size = options_.ring_size,
                                    .ranks = ranks,
                                    .is_causal = is_causal,
                                    .is_masked = is_masked,
                                    .is_scaled = options_.softmax_scale.has_value()},
                                   legacy::pairs_from(options_.segment_lengths, options_.dilation_rates));
  }

  std::optional<RingAttentionConfig> preserving_config() const override {
    return legacy::preserving_config(entry_, legacy::pairs_from(options_.segment_lengths, options_.dilation_rates));
  }
  std::string condition() const override { return legacy::condition_of(entry_); }
  std::string extra_dropout() const override { return std::string(entry_.extra_dropout); }
  std::string undefined_as_shipped(int ranks) const override {
    return options_.as_shipped && ranks >= entry_.race_from ? std::string(entry_.race) : "";
  }

 private:
  const legacy::CatalogueEntry entry_;
  OldSideOptions options_;
};

}  // namespace

std::unique_ptr<OldSide> find_catalogue_side(const std::string& name, const OldSideOptions& options) {
  return std::make_unique<CatalogueSide>(legacy::find_legacy(name), options);
}

std::vector<std::string> old_family(const std::string& pattern) {
  std::vector<std::string> names;
  for (const legacy::CatalogueEntry* entry : legacy::find_legacy_family(pattern)) names.emplace_back(entry->name);
  return names;
}

bool is_old_name(const std::string& name) {
  try {
    legacy::find_legacy(name);
    return true;
  } catch (const UsageError&) {
    return false;
  }
}

}  // namespace ringattn
