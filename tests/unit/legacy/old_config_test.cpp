#include "legacy/old_config.h"

#include "config/error.h"

#include <doctest/doctest.h>

#include <algorithm>

namespace ringattn::legacy {
namespace {

OldParameters read(const char* text) { return read_old_parameters(Json::parse(text), "old.json"); }

std::string refusal(const char* text) {
  try {
    read(text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

MappedParameter row(const SettledParameters& settled, const std::string& name) {
  const auto found = std::find_if(settled.parameters.begin(), settled.parameters.end(),
                                  [&](const MappedParameter& each) { return each.parameter == name; });
  REQUIRE(found != settled.parameters.end());
  return *found;
}

std::string field(const SettledParameters& settled, const std::string& name) {
  for (const FieldValue& each : settled.fields)
    if (each.field == name) return each.value;
  return "";
}

}  // namespace

TEST_CASE("old arguments are read without knowing whose they were") {
  const OldParameters old = read(R"({"segment_lengths": [16, 32], "dilation_rates": [1, 2], "attention_dropout": 0.1,
    "causal": true, "ring_size": 4, "num_heads": 8, "embed_dim": 64, "use_hilbert": false, "device": null})");
  CHECK((old.segment_lengths == std::vector<std::int64_t>{16, 32}));
  CHECK((old.dilation_rates == std::vector<std::int64_t>{1, 2}));
  CHECK(old.dropout == 0.1);
  CHECK(old.is_causal == true);
  CHECK(old.ring_size == 4);
  CHECK(old.heads == 8);
  CHECK(old.embed_dim == 64);
  CHECK_FALSE(old.head_dim.has_value());
  CHECK(old.constructor == Json::parse(R"({"attention_dropout": 0.1, "num_heads": 8, "embed_dim": 64,
    "use_hilbert": false, "device": null})"));
  const OldParameters single = read(R"({"segment_size": 128, "dilation_rate": 2})");
  CHECK((single.segment_lengths == std::vector<std::int64_t>{128}));
  CHECK((single.dilation_rates == std::vector<std::int64_t>{2}));
}

TEST_CASE("what is no old argument is refused with its name, its value and what would be right") {
  CHECK(refusal(R"({"segmet_lengths": [4]})")
            .find("old.json: segmet_lengths: no old class had such a parameter; did "
                  "you mean \"segment_lengths\"") == 0);
  CHECK(refusal(R"({"dropout": 1.5})").find("old.json: /dropout: ") == 0);
  CHECK(refusal(R"({"segment_lengths": [0]})").find("old.json: /segment_lengths/0: ") == 0);
  CHECK(refusal(R"({"causal": "yes"})").find("old.json: /causal: ") == 0);
  CHECK(refusal(R"({"num_heads": 4, "heads": 8})").find("must agree with num_heads") != std::string::npos);
  CHECK(refusal(R"({"segment_lengths": [4, 8], "dilation_rates": [1]})") ==
        "old.json: dilation_rates: has 1 numbers, must have as many as segment_lengths, 2");
  CHECK(refusal("[1]").find("must be an object of old constructor arguments by name") != std::string::npos);
  CHECK_THROWS_AS(load_old_parameters("/nowhere/old.json", "--config"), UsageError);
  CHECK(load_old_parameters(R"({"num_heads": 2})", "--config").heads == 2);
}

TEST_CASE("each argument is kept, renamed, dropped or refused by the rules of its class") {
  const OldParameters old = read(R"({"embed_dim": 64, "num_heads": 4, "segment_lengths": [16], "dilation_rates": [1],
    "dropout": 0.25, "use_hilbert": false, "is_causal": true})");
  const CatalogueEntry& correct = find_legacy("correct");
  const SettledParameters intended = settle_old_parameters(correct, old, false);
  CHECK(row(intended, "segment_lengths").fate == ParameterFate::kept);
  CHECK(field(intended, "segment_lengths") == "[16]");
  CHECK(field(intended, "dropout") == "0.25");
  CHECK(row(intended, "num_heads").fate == ParameterFate::dropped);
  CHECK(row(intended, "num_heads").words == "equal to what the workload has");
  CHECK(row(intended, "use_hilbert").fate == ParameterFate::refused);
  CHECK(row(intended, "is_causal").field == "is_causal");
  CHECK(intended.missing.empty());

  const SettledParameters shipped = settle_old_parameters(correct, old, true);
  CHECK(row(shipped, "use_hilbert").fate == ParameterFate::kept);
  CHECK(shipped.constructor.at("use_hilbert") == false);
  CHECK((settle_old_parameters(correct, read(R"({"num_heads": 4})"), false).missing ==
         std::vector<std::string>{"embed_dim", "segment_lengths", "dilation_rates"}));
}

TEST_CASE("every entry of the catalogue settles the arguments that all classes shared") {
  const OldParameters old = read(R"({"segment_lengths": [16, 32], "dilation_rates": [1, 2], "dropout": 0.0})");
  for (const CatalogueEntry& entry : catalogue()) {
    const SettledParameters settled = settle_old_parameters(entry, old, false);
    INFO(entry.name);
    CHECK(field(settled, "segment_lengths") == "[16,32]");
    CHECK(field(settled, "dilation_rates") == "[1,2]");
  }
}

TEST_CASE("null is as good as absent, and still accounted for") {
  const OldParameters old = read(R"({"segment_lengths": [16], "dilation_rates": [1], "causal": null, "is_causal": null,
    "device": null, "dropout": null})");
  CHECK_FALSE(old.is_causal.has_value());
  for (const CatalogueEntry& entry : catalogue()) {
    for (const bool as_shipped : {false, true}) {
      const SettledParameters settled = settle_old_parameters(entry, old, as_shipped);
      CAPTURE(entry.name);
      CHECK(settled.parameters.size() == old.given.size());
      CHECK(row(settled, "causal").fate == ParameterFate::dropped);
      CHECK(row(settled, "is_causal").field.empty());
    }
    const SettledParameters listless = settle_old_parameters(entry, read(R"({"segment_lengths": null})"), false);
    CHECK(row(listless, "segment_lengths").fate == ParameterFate::dropped);
  }
}

TEST_CASE("as shipped the ring size goes to the class, intended it stays a field of the new configuration") {
  const OldParameters old = read(R"({"segment_lengths": [16], "dilation_rates": [1], "ring_size": 2,
    "use_flash_attention": true})");
  const CatalogueEntry& v2 = find_legacy("v2");
  CHECK(field(settle_old_parameters(v2, old, false), "ring_size") == "2");
  const SettledParameters shipped = settle_old_parameters(v2, old, true);
  CHECK(field(shipped, "ring_size").empty());
  CHECK_FALSE(shipped.constructor.contains("use_flash_attention"));
}

}  // namespace ringattn::legacy
