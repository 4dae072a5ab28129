#include "config/json.h"
#include "config/preset.h"
#include "program.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::run;

Json listed(const std::vector<std::string>& arguments) {
  std::vector<std::string> all{"list", "--json", "-"};
  all.insert(all.end(), arguments.begin(), arguments.end());
  const Finished f = run(all);
  CHECK(f.code == 0);
  return Json::parse(f.out);
}

std::vector<std::string> names(const Json& rows) {
  std::vector<std::string> result;
  for (const Json& row : rows) result.push_back(row["name"]);
  return result;
}

bool has(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

TEST_CASE("list without a topic lists all of them") {
  const Json all = listed({});
  CHECK(all.size() == 8);
  for (const char* topic : {"implementations", "presets", "axes", "fields", "patterns"}) {
    CAPTURE(topic);
    CHECK(all[topic].size() > 0);
  }
  const Finished text = run({"list"});
  CHECK(text.code == 0);
  for (const char* topic : {"implementations", "presets", "axes", "fields", "patterns"})
    CHECK(contains(text.out, std::string(topic) + "\n"));
}

TEST_CASE("a topic lists itself alone") {
  const Json presets = listed({"presets"});
  CHECK(presets.size() == 1);
  for (const char* name : {"ci", "development", "hilbert_optimized", "large_scale", "production", "quick"})
    CHECK(has(names(presets["presets"]), name));
  CHECK(listed({"fields"})["fields"].size() == config_fields().size());
  CHECK(has(names(listed({"patterns"})["patterns"]), "dilated_keys"));
  CHECK(names(listed({"axes"})["axes"]).size() == 11);
  CHECK(has(names(listed({"implementations"})["implementations"]), "standard"));
}

TEST_CASE("list patterns tells names, every axis value, what is refused and why, and which backend runs what") {
  const Json all = listed({"patterns"});
  CHECK(all.size() == 4);
  for (const Json& row : all["patterns"]) {
    if (row["name"] == "dilated_keys") CHECK(contains(row["preserves"].get<std::string>(), "RingDilatedAttentionV2,"));
    if (row["name"] == "dense") CHECK(row["axes"] == "whole/all/pair/all/all/single/position/short");
  }
  std::map<std::string, int> values;
  for (const Json& row : all["pattern_axes"]) {
    ++values[row["axis"].get<std::string>()];
    CHECK(row["meaning"] != "");
  }
  CHECK(values == std::map<std::string, int>{{"placement", 4},
                                             {"heads", 5},
                                             {"offset", 5},
                                             {"queries", 2},
                                             {"keys", 4},
                                             {"join", 4},
                                             {"order", 4},
                                             {"tail", 3},
                                             {"blocks/rule", 5}});
  const std::string refusals = all["pattern_refusals"].dump();
  for (const char* reason : {"\\\"single\\\" needs pairs that never meet on a row", "\\\"groups\\\" divides by",
                             "\\\"mean\\\" needs pairs that meet", "\\\"turned\\\" is no permutation"}) {
    CAPTURE(reason);
    CHECK(contains(refusals, reason));
  }
  std::map<std::string, Json> backends;
  for (const Json& row : all["pattern_backends"]) backends[row["backend"]] = row;
  CHECK(backends["reference"]["with dropout (--train)"] == "yes");
  CHECK(backends["auto"]["with dropout (--train)"] == "yes");
  CHECK(backends["sdpa"]["every pattern"] == "yes");
  CHECK(contains(backends["sdpa"]["with dropout (--train)"].get<std::string>(), "no: backend: "));
  CHECK(contains(backends["fused"]["every pattern"].get<std::string>(), "no: backend: "));
}

TEST_CASE("presets of RINGATTN_PRESETS are listed") {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "ringattn-list-test";
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "mine.json")
      << R"({"name": "mine", "implementation": "standard", "config": {"pattern": "dense"}, "workload": {}})";
  const Finished f = run({"list", "presets"}, {"RINGATTN_PRESETS=" + folder.string()});
  std::filesystem::remove_all(folder);
  CHECK(f.code == 0);
  CHECK(contains(f.out, "mine"));
}

TEST_CASE("--json FILE writes the file and still prints the table") {
  const std::filesystem::path file = std::filesystem::temp_directory_path() / "ringattn-list-test.json";
  const Finished f = run({"list", "axes", "--json", file.string()});
  CHECK(f.code == 0);
  CHECK(contains(f.out, "seq_len"));
  std::ifstream stream(file);
  CHECK(Json::parse(stream)["axes"].size() == 11);
  std::filesystem::remove(file);
}

#if RINGATTN_LEGACY
TEST_CASE("--deprecated tells what becomes of each old class in 0.3, 0.4 and 0.5") {
  const Json rows = listed({"--deprecated"})["deprecated"];
  for (const char* name : {"base", "v2", "v2_collective"}) CHECK(has(names(rows), name));
  for (const Json& row : rows) {
    CAPTURE(row.dump());
    CHECK(row["0.3"] == "warns");
    CHECK(row["0.4"] == "in legacy/, warns");
    CHECK(row["0.5"] == "removed");
    CHECK(row["class"] != "");
    CHECK(row["target"] != "");
    CHECK(row["intended"] != "");
  }
  const auto v2 = std::find_if(rows.begin(), rows.end(), [](const Json& row) { return row["name"] == "v2"; });
  REQUIRE(v2 != rows.end());
  CHECK((*v2)["class"] == "RingDilatedAttentionV2");
  CHECK((*v2)["target"] == "StandardRingAttention");
  CHECK((*v2)["preserving"] == R"({"pattern":"dilated_keys"})");
}
#else
TEST_CASE("a build without the old classes says so") {
  CHECK(run({"list", "--deprecated"}).out == "none in this build\n");
  CHECK(listed({"--deprecated"})["deprecated"].empty());
}
#endif

TEST_CASE("doctor says what can run and gives a reason for what cannot") {
  const Finished f = run({"doctor", "--quick", "--json", "-"});
  CHECK(f.code == 0);
  const Json document = Json::parse(f.out);
  CHECK(contains(document["machine"]["LibTorch"].get<std::string>(), "2."));
  bool sdpa = false;
  for (const Json& ability : document["abilities"]) {
    CAPTURE(ability.dump());
    CHECK(ability["detail"] != "");
    sdpa = sdpa || (ability["name"] == "backend sdpa" && ability["available"] == true);
  }
  CHECK(sdpa);
  CHECK(contains(run({"doctor", "--quick"}).out, "NCCL"));
}

}  // namespace
}  // namespace ringattn
