#include "cli/old_side.h"

#include "cli/implementations.h"
#include "config/error.h"

#include <fmt/format.h>

#include <algorithm>

#ifndef RINGATTN_LEGACY
#define RINGATTN_LEGACY 0
#endif
#if RINGATTN_LEGACY
#include "legacy/catalogue.h"
#include "legacy/deprecation.h"
#include "legacy/factory.h"
#endif

namespace ringattn {
namespace {

#if RINGATTN_LEGACY

class CatalogueSide final : public OldSide {
 public:
  CatalogueSide(const legacy::CatalogueEntry& entry, OldSideOptions options)
      : entry_(entry), options_(std::move(options)) {}

  std::string id() const override { return std::string(entry_.name); }
  std::string function_name() const override { return std::string(to_string(name_of(entry_.intended))); }
  std::string deprecation() const override { return legacy::deprecation_text(entry_); }

  std::unique_ptr<Attention> make(std::int64_t seq_len, std::int64_t heads, bool is_causal, int ranks) const override {
    const legacy::LegacyOptions made{.segment_lengths = options_.segment_lengths,
                                     .dilation_rates = options_.dilation_rates,
                                     .as_shipped = options_.as_shipped};
    return legacy::make_legacy(entry_.name, made, seq_len, heads, is_causal, ranks);
  }

  std::vector<Defects> defects(int ranks, bool is_causal) const override {
    std::vector<Defects> lists;
    if (Defects known = legacy::known_defects(entry_, ranks, is_causal); !known.empty())
      lists.push_back(std::move(known));
    for (const Defect& defect : defect_registry()) lists.push_back({defect});
    return lists;
  }

  std::optional<RingAttentionConfig> preserving_config() const override {
    return legacy::preserving_config(entry_, legacy::pairs_from(options_.segment_lengths, options_.dilation_rates));
  }
  std::string condition() const override { return std::string(entry_.condition); }

 private:
  const legacy::CatalogueEntry& entry_;
  OldSideOptions options_;
};

#endif

}  // namespace

std::unique_ptr<OldSide> find_old_side(const std::string& name, const OldSideOptions& options) {
  if (name.ends_with(".safetensors"))
    throw Unavailable(fmt::format(
        "--old {}: recordings are not judged by this version; name an old implementation (see `ringattn list "
        "--deprecated`) or \"oracle\"",
        name));
#if RINGATTN_LEGACY
  return std::make_unique<CatalogueSide>(legacy::find_legacy(name), options);
#else
  (void)options;
  throw Unavailable(fmt::format(
      "--old {}: this build has no old implementations (RINGATTN_LEGACY=OFF); \"oracle\" can be compared with", name));
#endif
}

bool is_old_name(const std::string& name) {
#if RINGATTN_LEGACY
  try {
    legacy::find_legacy(name);
    return true;
  } catch (const UsageError&) {
    return false;
  }
#else
  (void)name;
  return false;
#endif
}

}  // namespace ringattn
