#pragma once

#include "config/axes.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ringattn {

/// A named way in which released code departs from the function that it was meant to compute. The oracle can add any
/// list of them to a function: "oracle with that defect reproduces the old numbers" is what the outcome `old_defective`
/// means. What each does is a row of the table in departure_table.cpp.
struct Defect {
  std::string_view name{};
  /// Into how many chunks the released code cut the sequence: the world size, or a ring_size of its own. Defects that
  /// depend on it do nothing at 1.
  int ranks = 1;
  std::vector<Pair> given{};  ///< the two lists that the class was called with, where it had more than the function has
  /// Of the runs that keys are gathered in, 0: the class's own default; the least of a chunk.
  std::int64_t rows = 0;
  bool operator==(const Defect&) const = default;
};
using Defects = std::vector<Defect>;

// The two that change a row's keys alone; the oracle's predicate knows them (key_weight).

/// The causal triangle runs over slots: query slot a sees key slots b <= a, whatever positions they hold. A segment's
/// key slots list its dilated keys in order; a query's slot is its place among the segment's queries. (legacy-catalogue
/// §0 "slot-tri")
struct SlotCausal {
  static constexpr std::string_view name = "slot_causal";
  operator Defect() const { return {name}; }  // NOLINT(google-explicit-constructor)
};

/// A segment of l rows has l key slots and the m dilated keys are repeated cyclically to fill them, so key t counts
/// once for every slot b = t (mod m), b < l. Harmless only where m divides l and nothing is causal. (legacy-catalogue
/// §0 "cyc", §3.1)
struct CyclicMultiset {
  static constexpr std::string_view name = "cyclic_multiset";
  operator Defect() const { return {name}; }  // NOLINT(google-explicit-constructor)
};

std::string_view name_of(const Defect& defect);
std::string_view summary_of(const Defect& defect);

/// Every defect with its default parameters, in the order in which an explanation should try them.
std::span<const Defect> defect_registry();

/// Each alone on that many ranks, less those that can do nothing there.
std::vector<Defect> single_defects(int ranks);

/// The defect of that name. UsageError listing the known names if there is none.
Defect find_defect(std::string_view name, int ranks = 1);

/// "slot_causal + cyclic_multiset"; empty for none.
std::string to_string(const Defects& defects);

template <typename Kind>
bool has(const Defects& defects) {
  for (const Defect& defect : defects) {
    if (defect.name == Kind::name) return true;
  }
  return false;
}

}  // namespace ringattn
