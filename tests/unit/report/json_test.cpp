#include "report/json.h"

#include "config/error.h"
#include "tests/unit/report/example_report.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace ringattn {
namespace {

std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file, path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string refusal(const std::string& text) {
  try {
    report_from_json(text, "run.json");
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

/// The report's text after `change` of its JSON.
template <typename Change>
std::string changed(Change change) {
  Json json = to_json(test::example_report());
  change(json);
  return json.dump();
}

/// Follows $ref and allOf.
const Json& resolved(const Json& root, const Json& node) {
  if (node.contains("allOf")) return resolved(root, node["allOf"][0]);
  if (!node.contains("$ref")) return node;
  return resolved(root, root.at(Json::json_pointer(node["$ref"].get<std::string>().substr(1))));
}

bool has_type(const Json& value, const std::string& type) {
  if (type == "integer") return value.is_number_integer();
  if (type == "number") return value.is_number();
  if (type == "null") return value.is_null();
  return type == value.type_name();
}

/// Keys that came after reports of the same minor version had been written are not required.
bool requires_all_but_later(const Json& required, std::vector<std::string> known) {
  std::erase_if(known, [](const std::string& key) {
    return key == "rates" || key == "planned" || key == "with_projection" || key == "projection_orders";
  });
  return required == Json(known);
}

/// A schema check of types, words and exact keys: as much of JSON Schema as report.schema.json uses. "" or what is
/// wrong.
std::string schema_mismatch(const Json& root, const Json& schema, const Json& value, const std::string& where) {
  const Json& node = resolved(root, schema);
  if (node.contains("anyOf")) {
    std::string all;
    for (const Json& option : node["anyOf"]) {
      const std::string wrong = schema_mismatch(root, option, value, where);
      if (wrong.empty()) return "";
      all += wrong + "; ";
    }
    return all;
  }
  if (node.contains("const") && node["const"] != value) return where + " is not the constant";
  if (node.contains("enum") && std::find(node["enum"].begin(), node["enum"].end(), value) == node["enum"].end())
    return where + " is no known word";
  if (node.contains("type") && !has_type(value, node["type"].get<std::string>()))
    return where + " is of type " + value.type_name();
  if (node.contains("minimum") && value.get<std::int64_t>() < node["minimum"].get<std::int64_t>())
    return where + " is too small";
  if (node.contains("properties")) {
    if (node["additionalProperties"] != false) return where + " allows other keys";
    std::vector<std::string> keys;
    std::vector<std::string> known;
    for (const auto& item : value.items()) keys.push_back(item.key());
    for (const auto& item : node["properties"].items()) known.push_back(item.key());
    if (keys != known || !requires_all_but_later(node["required"], known))
      return where + " has other keys than the schema, or in another order";
    for (const auto& item : value.items()) {
      const std::string wrong =
          schema_mismatch(root, node["properties"][item.key()], item.value(), where + "/" + item.key());
      if (!wrong.empty()) return wrong;
    }
  }
  if (node.contains("items")) {
    for (const Json& element : value) {
      const std::string wrong = schema_mismatch(root, node["items"], element, where + "/-");
      if (!wrong.empty()) return wrong;
    }
  }
  return "";
}

TEST_CASE("a report written as JSON and read back is the same report") {
  const Report report = test::example_report();
  const std::string text = to_json_text(report);
  const Report back = report_from_json(text, "run.json");
  CHECK(to_json_text(back) == text);
  CHECK((back.cases == report.cases));
  CHECK(back.resolved == report.resolved);
  CHECK(back.duration_ns == 9007199254740993);
  CHECK(std::isinf(back.cases[1].candidate_against_oracle->tensors[0].required_rtol));
  CHECK_FALSE(back.cases[1].time_ratio.has_value());
}

TEST_CASE("numbers that are not finite are words in the JSON, and integers stay integers") {
  const Json json = to_json(test::example_report());
  CHECK(json["cases"][1]["candidate_against_oracle"]["tensors"][0]["required_rtol"] == "inf");
  CHECK(json["duration_ns"].is_number_integer());
  CHECK(json["cases"][0]["candidate_against_oracle"]["tensors"][0]["details"].is_null());
  Report report = test::example_report();
  report.cases[0].covered_share = std::numeric_limits<double>::quiet_NaN();
  report.cases[1].covered_share = -std::numeric_limits<double>::infinity();
  const Report back = report_from_json(to_json_text(report), "run.json");
  CHECK(std::isnan(back.cases[0].covered_share));
  CHECK(back.cases[1].covered_share == -std::numeric_limits<double>::infinity());
}

TEST_CASE("a filled report has exactly the keys, types and words of results/report.schema.json") {
  const Json schema = Json::parse(file_text(std::string(RINGATTN_SOURCE_DIR) + "/results/report.schema.json"));
  CHECK(schema_mismatch(schema, schema, to_json(test::example_report()), "") == "");
  Json other = to_json(test::example_report());
  other["cases"][0]["candidate"]["ranks"][0]["peak_mib"] = 1;
  CHECK(schema_mismatch(schema, schema, other, "").find("has other keys") != std::string::npos);
}

TEST_CASE("the example report's bytes are those of tests/golden/report_example.json") {
  const std::string path = std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/report_example.json";
  const std::string text = to_json_text(test::example_report());
  if (std::getenv("RINGATTN_UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << text;
  CHECK(file_text(path) == text);
}

TEST_CASE("reading is strict: the message names the pointer and the value") {
  CHECK(refusal("[]") == "run.json: is no report: must be an object (got [])");
  CHECK(refusal(changed([](Json& j) { j["schema"] = "other.report"; })) ==
        "run.json: /schema: must be \"ringattn.report\" (got \"other.report\")");
  CHECK(refusal(changed([](Json& j) { j["schema_version"] = "2.0.0"; })) ==
        "run.json: /schema_version: this program reads version 1.3 of the report's schema (got \"2.0.0\")");
  CHECK(refusal(changed([](Json& j) { j["schema_version"] = "1.3.7"; })) == "accepted");
  CHECK(refusal(changed([](Json& j) { j["cases"][1]["axes"]["rank"] = 1; })) ==
        "run.json: /cases/1/axes/rank: unknown key; did you mean \"ranks\"? (got 1)");
  CHECK(refusal(changed([](Json& j) { j["cases"][0].erase("words"); })) ==
        "run.json: /cases/0/words: this key is required");
  CHECK(
      refusal(changed([](Json& j) { j["exit_code"] = 1.5; })).starts_with("run.json: /exit_code: must be an integer"));
  CHECK(refusal(changed([](Json& j) { j["cases"][0]["outcome"] = "matched"; })).find("did you mean \"match\"?") !=
        std::string::npos);
  CHECK(refusal("{\"schema\": 1, \"schema\": 1}").find("given twice") != std::string::npos);
  CHECK(refusal("{").find("not valid JSON") != std::string::npos);
}

TEST_CASE("bytes that are no UTF-8 do not make an invalid report") {
  Report report = test::example_report();
  report.command = {"ringattn", "\xff.json"};
  CHECK(report_from_json(to_json_text(report), "run.json").command[1] == "\xEF\xBF\xBD.json");
}

}  // namespace
}  // namespace ringattn
