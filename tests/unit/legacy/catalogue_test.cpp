#include "legacy/catalogue.h"

#include "config/error.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace ringattn::legacy {

TEST_CASE("an old implementation is found by name, alias and class name, whatever the letter case") {
  CHECK(find_legacy("v2").name == "v2");
  CHECK(find_legacy("V2").name == "v2");
  CHECK(find_legacy("RingDilatedAttentionV2").name == "v2");
  CHECK(find_legacy("ringdilatedattentionv2collective").name == "v2_collective");
  CHECK(find_legacy("v2-collective").name == "v2_collective");
  CHECK(find_legacy("DilatedAttention").name == "base");
  CHECK(find_legacy("dilated_attention").name == "base");
}

TEST_CASE("an unknown old implementation is refused with the nearest name") {
  CHECK_THROWS_WITH_AS(find_legacy("v2_colective"),
                       R"(old implementation: 'v2_colective' is not in the catalogue; did you mean "v2_collective"?)",
                       UsageError);
  CHECK_THROWS_AS(find_legacy(""), UsageError);
}

TEST_CASE("no two entries share a name, and every entry says what it was and what replaces it") {
  std::set<std::string> seen;
  for (const CatalogueEntry& entry : catalogue()) {
    CHECK(seen.insert(std::string(entry.name)).second);
    CHECK(seen.insert(std::string(entry.class_name)).second);
    for (const std::string_view alias : entry.aliases) CHECK(seen.insert(std::string(alias)).second);
    for (const std::string_view text :
         {entry.commit, entry.file, entry.summary, entry.intended_why, entry.condition, entry.guide_target}) {
      CHECK_FALSE(text.empty());
    }
  }
}

TEST_CASE("the named pattern that preserves an entry has exactly the axes of its intended function") {
  for (const CatalogueEntry& entry : catalogue()) {
    REQUIRE(entry.preserving.has_value());
    CHECK(axes_of(*entry.preserving) == entry.intended);
  }
}

TEST_CASE("the preserving configuration differs from the guide's in its pattern alone") {
  const std::vector<Pair> pairs = pairs_from({2048, 4096}, {1, 2});
  const auto preserving = preserving_config(find_legacy("v2"), pairs);
  REQUIRE(preserving.has_value());
  CHECK(preserving->segment_lengths == std::vector<std::int64_t>{2048, 4096});
  CHECK(preserving->dilation_rates == std::vector<std::int64_t>{1, 2});
  CHECK(preserving->pattern.name == PatternName::dilated_keys);
  RingAttentionConfig guide = guide_config(pairs);
  CHECK(guide.pattern.name == PatternName::automatic);
  guide.pattern = preserving->pattern;
  CHECK(guide == *preserving);
}

TEST_CASE("the released behaviour goes by world size and mask, and its defects are known to the oracle") {
  const CatalogueEntry& v2 = find_legacy("v2");
  CHECK((known_defects(v2, 1, true) == Defects{SlotCausal{}, CyclicMultiset{}}));
  CHECK((known_defects(v2, 1, false) == Defects{CyclicMultiset{}}));
  CHECK((known_defects(v2, 2, true).empty()));
  REQUIRE(shipped_behaviour(v2, 7, false) != nullptr);
  CHECK(shipped_behaviour(v2, 7, false)->raises == "AttributeError");
  CHECK(shipped_behaviour(find_legacy("base"), 4, true) == nullptr);
  for (const CatalogueEntry& entry : catalogue()) {
    for (const ShippedBehaviour& behaviour : entry.shipped) {
      for (const std::string_view name : behaviour.defects) CHECK_NOTHROW(find_defect(name));
    }
  }
}

TEST_CASE("lists that no old class would take are refused by field") {
  CHECK_THROWS_WITH_AS(pairs_from({}, {}), "segment_lengths: the list is empty; an old class wants at least one",
                       UsageError);
  CHECK_THROWS_WITH_AS(pairs_from({4, 8}, {1}),
                       "dilation_rates: 1 values, but segment_lengths has 2; they must have the same length",
                       UsageError);
  CHECK_THROWS_WITH_AS(pairs_from({4, 0}, {1, 1}), "segment_lengths/1: 0 must be at least 1", UsageError);
}

}  // namespace ringattn::legacy
