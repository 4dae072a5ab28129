#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace ringattn {

// Named ways in which released code departs from the function that it was meant to compute. The oracle can add any list
// of them to a function: "oracle with that defect reproduces the old numbers" is what the outcome `old_defective`
// means. To add one: a struct here (with its parameters, if any), a line in the registry of defect.cpp, and its effect
// where the oracle asks for it with `has<…>`.

/// The causal triangle runs over slots: query slot a sees key slots b <= a, whatever positions they hold. A segment's
/// key slots list its dilated keys in order; a query's slot is its place among the segment's queries. (legacy-catalogue
/// §0 "slot-tri")
struct SlotCausal {
  static constexpr std::string_view name = "slot_causal";
  static constexpr std::string_view summary =
      "causal triangle over slots (query slot a sees key slots b <= a) instead of positions";
  bool operator==(const SlotCausal&) const = default;
};

/// A segment of l rows has l key slots and the m dilated keys are repeated cyclically to fill them, so key t counts
/// once for every slot b = t (mod m), b < l. Harmless only where m divides l and nothing is causal. (legacy-catalogue
/// §0 "cyc", §3.1)
struct CyclicMultiset {
  static constexpr std::string_view name = "cyclic_multiset";
  static constexpr std::string_view summary =
      "dilated keys repeated cyclically to the segment's length, some counted more often";
  bool operator==(const CyclicMultiset&) const = default;
};

using Defect = std::variant<SlotCausal, CyclicMultiset>;
using Defects = std::vector<Defect>;

std::string_view name_of(const Defect& defect);
std::string_view summary_of(const Defect& defect);

/// Every defect with its default parameters, in the order in which an explanation should try them.
std::span<const Defect> defect_registry();

/// The defect of that name. UsageError listing the known names if there is none.
Defect find_defect(std::string_view name);

/// "slot_causal + cyclic_multiset"; empty for none.
std::string to_string(const Defects& defects);

template <typename Kind>
bool has(const Defects& defects) {
  for (const Defect& defect : defects) {
    if (std::holds_alternative<Kind>(defect)) return true;
  }
  return false;
}

}  // namespace ringattn
