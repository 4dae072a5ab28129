#include "cli/contenders.h"

#include "attention/index_sets.h"
#include "cli/workbench.h"
#include "config/error.h"
#include "ring/factory.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

namespace ringattn {

Contenders::Contenders(const std::vector<std::string>& names, const RingAttentionConfig& config) {
  for (const std::string& name : names) {
    const std::size_t mark = name.find('@');
    const std::string base = name.substr(0, mark);
    if (is_old_name(base)) {
      if (mark != std::string::npos)
        throw UsageError(fmt::format("--impl {}: {} is an old implementation, whose pattern is its own", name, base));
      old_.emplace(name, find_old_side(name, old_side_options(config)));
      names_.push_back(name);
      continue;
    }
    const std::string implementation = resolve_implementation(base);
    names_.push_back(implementation);
    RingAttentionConfig changed = config;
    if (mark != std::string::npos) {
      const std::string pattern = name.substr(mark + 1);
      names_.back() += "@" + pattern;
      set_field(changed, "pattern", pattern, "--impl " + name);
    }
    new_.emplace(names_.back(), variant_config(implementation, std::move(changed)));
  }
}

std::vector<std::string> Contenders::deprecations() const {
  std::vector<std::string> lines;
  for (const auto& [name, side] : old_) lines.push_back(side->deprecation());
  return lines;
}

Contender Contenders::make(const std::string& name, const Case& axes, const Problem& problem) const {
  const auto ranks = static_cast<int>(axes.ranks);
  if (const OldSide* old = find_old(name))
    return {.id = name, .function_name = old->function_name(), .axes = axes, .attention = old->make(problem, ranks)};
  const RingAttentionConfig& config = config_of(name);
  auto ring = std::make_unique<RingAttention>(config, problem, ranks);
  RingAttention* const same = ring.get();
  return {.id = name,
          .function_name = ringattn::function_name(config),
          .axes = axes,
          .attention = std::move(ring),
          .ring = same};
}

std::vector<std::string> Contenders::function_warnings(const Case& axes, const Problem& problem,
                                                       std::string_view compared) const {
  std::vector<std::string> warnings;
  const Contender first = make(names_.front(), axes, problem);
  for (std::size_t i = 1; i < names_.size(); ++i) {
    const Contender other = make(names_[i], axes, problem);
    if (same_index_sets(first.attention->function(), other.attention->function())) continue;
    warnings.push_back(fmt::format("{} computes {}, {} computes {}: {} of two different functions{}", first.id,
                                   first.function_name, other.id, other.function_name, compared,
                                   remedy(first, other, problem)));
  }
  return warnings;
}

const OldSide* Contenders::find_old(const std::string& name) const {
  const auto found = old_.find(name);
  return found == old_.end() ? nullptr : found->second.get();
}

const RingAttentionConfig& Contenders::config_of(const std::string& name) const { return new_.at(name); }

/// "; --set pattern=dilated_keys makes them equal" where that is so: one of the two is old, and the new API can compute
/// its function.
std::string Contenders::remedy(const Contender& first, const Contender& second, const Problem& problem) const {
  const bool is_first_old = find_old(first.id) != nullptr;
  if (is_first_old == (find_old(second.id) != nullptr)) return "";
  const Contender& old = is_first_old ? first : second;
  const std::optional<RingAttentionConfig> preserving = find_old(old.id)->preserving_config();
  if (!preserving || preserving->pattern.name == PatternName::custom) return "";
  RingAttentionConfig config = config_of((is_first_old ? second : first).id);
  config.pattern = preserving->pattern;
  const AttentionFunction function = resolve_function(config, problem);
  if (!same_index_sets(old.attention->function(), function)) return "";
  return fmt::format("; --set pattern={} makes them equal", to_string(config.pattern.name));
}

}  // namespace ringattn
