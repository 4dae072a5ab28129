#pragma once

#include "attention/interface.h"
#include "cli/old_side.h"
#include "config/ring_attention_config.h"
#include "config/workload.h"
#include "ring/ring_attention.h"

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// One implementation in one case, ready to run.
struct Contender {
  std::string id;             ///< "standard"
  std::string function_name;  ///< of what it computes: "dilated"
  Case axes;
  std::unique_ptr<Attention> attention;
  RingAttention* ring = nullptr;  ///< the same object, where it is new and so has a plan
};

/// The implementations that `bench` times side by side, old and new, in the order in which they were named.
class Contenders {
 public:
  /// The new ones run `config` as their variant has it (variant_config), the old ones its segments and rates.
  /// "standard@dense" is standard with pattern dense, so that functions can be timed side by side. UsageError for a
  /// name that is neither old nor new, or a pattern that is none.
  Contenders(const std::vector<std::string>& names, const RingAttentionConfig& config);

  /// "auto" replaced by what it means.
  const std::vector<std::string>& names() const { return names_; }
  bool have_old() const { return !old_.empty(); }
  /// One line for each old one.
  std::vector<std::string> deprecations() const;
  /// `name` is one of names().
  Contender make(const std::string& name, const Case& axes, const Problem& problem) const;

  /// A sentence for each one that computes another function than the first, which ratios refer to: what the two
  /// compute, and the setting that makes them equal, where there is one. `compared` says what the sentence warns of:
  /// "times". Functions are compared by which query attends which key in a case of these sizes, so their names do not
  /// matter.
  std::vector<std::string> function_warnings(const Case& axes, const Problem& problem, std::string_view compared) const;

 private:
  const OldSide* find_old(const std::string& name) const;
  const RingAttentionConfig& config_of(const std::string& name) const;
  std::string remedy(const Contender& first, const Contender& second, const Problem& problem) const;

  std::vector<std::string> names_;
  std::map<std::string, RingAttentionConfig> new_;  ///< what each new one runs
  std::map<std::string, std::unique_ptr<OldSide>> old_;
};

}  // namespace ringattn
