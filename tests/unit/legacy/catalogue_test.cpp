#include "legacy/catalogue.h"

#include "config/error.h"
#include "config/json.h"
#include "legacy/released.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
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

TEST_CASE("a class name that several generations share means the first, and each generation has a name of its own") {
  CHECK(find_legacy("RingDilatedAttentionV3").name == "v3");
  CHECK(find_legacy("RingDilatedAttentionHybrid").name == "hybrid");
  CHECK(find_legacy("RingDilatedAttentionHilbertOptimizedFixed").name == "hilbert_optimized_fixed");
  CHECK((other_generations(find_legacy("v2")) == std::vector<std::string>{"v2_a", "v2_efe"}));
  for (const char* guide : {"HilbertCoreFixed", "V2Collective", "FixedSimple", "MemoryEfficient", "SDPA", "Correct",
                            "HilbertOptimizedFixed", "V3", "V2Robust"}) {
    CAPTURE(guide);
    CHECK(find_legacy(guide).named_in_guide);
  }
}

TEST_CASE("a glob means every entry that has such a name") {
  std::set<std::string_view> v2;
  for (const CatalogueEntry* entry : find_legacy_family("V2*")) v2.insert(entry->name);
  CHECK((v2 == std::set<std::string_view>{"v2", "v2_a", "v2_efe", "v2_corrected", "v2_fixed", "v2_collective",
                                          "v2_collective_a", "v2_flash", "v2_robust", "v2_simple"}));
  CHECK(find_legacy_family("all").size() == catalogue().size());
  CHECK(find_legacy_family("v2").size() == 1);
  CHECK_THROWS_AS(find_legacy_family("nothing*"), UsageError);
}

TEST_CASE("there is an entry for every released class that can be run") {
  for (const auto& table : {ring_classes(), hybrid_classes(), hilbert_classes(), new_variant_classes()}) {
    for (const ReleasedEntry& released : table) {
      CAPTURE(released.alias);
      CHECK(find_legacy(released.alias).name == released.alias);
    }
  }
}

TEST_CASE("an entry has as many recordings as it says, and class and rows are theirs") {
  std::map<std::string, int> counted;
  for (const char* folder : {"legacy", "hilbert"}) {
    std::ifstream file(std::filesystem::path(RINGATTN_SOURCE_DIR) / "tests/golden" / folder / "index.json");
    const Json index = Json::parse(file);
    for (const Json& recorded : index.at("cases")) {
      const auto alias = recorded.at("alias").get<std::string>();
      const CatalogueEntry& entry = find_legacy(alias);
      CAPTURE(alias);
      ++counted[alias];
      CHECK(entry.recordings.folder == folder);
      CHECK(entry.class_name == recorded.at("class").get<std::string>());
      if (recorded.at("holds") == "local rows") CHECK(entry.returns == Returns::local_rows);
    }
  }
  for (const CatalogueEntry& entry : catalogue()) CHECK(counted[std::string(entry.name)] == entry.recordings.cases);
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
    CAPTURE(entry.name);
    CHECK(seen.insert(std::string(entry.name)).second);
    for (const std::string_view alias : entry.aliases) CHECK(seen.insert(std::string(alias)).second);
    for (const std::string_view text :
         {entry.class_name, entry.commit, entry.file, entry.summary, entry.intended_why, entry.guide_target}) {
      CHECK_FALSE(text.empty());
    }
    CHECK(entry.condition.empty() == !entry.intended.has_value());
    CHECK(entry.intended.has_value() == entry.preserving.has_value());
    if (only_raises(entry)) CHECK_FALSE(entry.intended.has_value());
  }
}

TEST_CASE(
    "the pattern that preserves an entry has exactly the axes of its intended function, and a name if it has one") {
  for (const CatalogueEntry& entry : catalogue()) {
    const auto config = preserving_config(entry, {{4, 1}, {8, 2}});
    REQUIRE(config.has_value() == entry.intended.has_value());
    if (!config) continue;
    CAPTURE(entry.name);
    CHECK(axes_of(config->pattern) == *entry.intended);
    CHECK(config->pattern.name == name_of(*entry.intended));
    // `dense` stands for one pair, whatever the lists are.
    CHECK_NOTHROW(validate(*entry.intended, *entry.intended == PatternAxes{} ? 1 : 2));
  }
}

TEST_CASE("an entry without an intended function says why when it is asked to run") {
  CHECK_THROWS_WITH_AS(
      intended_function(find_legacy("refactored"), {{4, 1}}, {.seq_len = 8, .heads = 2}),
      "RingDilatedAttentionRefactored (refactored) has no intended function: it never returned a value", Unavailable);
}

TEST_CASE("lengths that count rows r apart become their reach") {
  const AttentionFunction f = intended_function(find_legacy("v3"), {{4, 1}, {4, 3}}, {.seq_len = 64, .heads = 2});
  CHECK((f.pairs == std::vector<Pair>{{4, 1}, {10, 3}}));
  CHECK((preserving_config(find_legacy("v3"), {{4, 3}})->segment_lengths == std::vector<std::int64_t>{10}));
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
