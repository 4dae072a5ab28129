#pragma once

#include "attention/inputs.h"
#include "compare/examine.h"
#include "compare/first_bad_step.h"
#include "compare/reference.h"
#include "measure/rank_world.h"
#include "tests/mutants/mutant.h"
#include "tests/mutants/mutated_ring.h"
#include "tests/mutants/settings.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace ringattn::mutants {

/// Where a mutant is tried.
struct Combination {
  Dtype dtype = Dtype::fp32;
  bool is_causal = false;
  std::int64_t ranks = 2;
};
/// fp32 and bf16, full and causal, 2, 4 and 8 ranks.
std::vector<Combination> combinations();
std::string to_string(const Combination& combination);

/// What became of a mutant in one combination.
///   caught: the product's judge says no.  absent: its functions found nothing to act on.
///   equivalent: it acted, and what it did is within the stated tolerance, at the plan's price.
///   missed: it moved the result past the tolerance, or the price, and the judge said yes.
enum class Fate { caught, equivalent, absent, missed };
std::string_view to_string(Fate fate);

struct Finding {
  std::string mutant;
  Combination combination;
  Fate fate = Fate::missed;
  std::vector<std::string> tiers{};  ///< that caught it: "logic out", "precision lse", "traffic", "memory", "raises"
  double ratio = 0.0;                ///< the largest error over what is allowed there; above 1 it fails
  std::string words{};               ///< what the failing case says
  std::optional<FirstBadStep> first_bad{};  ///< in fp32, where a numeric tier caught it
  /// first_bad is the place where the mutant acts; none: it acts in all places alike.
  std::optional<bool> is_named{};
  std::map<std::string, bool> caught_by{};  ///< other comparers, by name
};

/// One setting with its worlds, inputs and references, in which one mutant after another is tried.
class Laboratory {
 public:
  Laboratory(const Setting& setting, std::uint64_t seed);
  ~Laboratory();

  /// Runs the mutant through `examine`, as `compare --old oracle` would.
  Finding run(const Mutant& mutant, const Combination& combination);
  /// The same of a mutant that does nothing.
  Finding run_right(const Mutant& mutant, const Combination& combination);

 private:
  struct Ring;
  Ring& ring_of(const Combination& combination);
  void judge(const Mutant& mutant, Ring& ring, Finding& finding);
  void compare_otherwise(const Mutant& mutant, Ring& ring, Finding& finding);
  void bisect(const Mutant& mutant, Ring& ring, Finding& finding);
  std::optional<FirstBadStep> first_bad_of_forward(MutatedRing& mutated, Ring& ring);
  std::optional<FirstBadStep> first_bad_of_backward(MutatedRing& mutated, Ring& ring);

  const Setting& setting_;
  std::uint64_t seed_;
  std::unique_ptr<InputSource> inputs_;
  std::unique_ptr<ReferenceBook> references_;
  std::map<std::int64_t, std::unique_ptr<RankWorld>> worlds_;
  std::map<std::string, std::unique_ptr<Ring>> rings_;
};

}  // namespace ringattn::mutants
