#include "config/preset.h"

#include "config/config_json.h"
#include "config/names.h"
#include "support.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace ringattn {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::message_of;

const std::string folder = std::string(RINGATTN_SOURCE_DIR) + "/presets";

Preset shipped(const std::string& name) { return load_preset(name, {folder}); }

/// A folder that is gone at the end of the test.
struct TemporaryFolder {
  fs::path path =
      fs::temp_directory_path() / ("ringattn-preset-test-" + std::to_string(reinterpret_cast<std::uintptr_t>(this)));
  TemporaryFolder() { fs::create_directories(path); }
  ~TemporaryFolder() { fs::remove_all(path); }
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path / name) << text;
    return (path / name).string();
  }
};

const char* const small_preset = R"({"name": "mine", "implementation": "standard",
  "config": {"segment_lengths": [4], "dilation_rates": [1]}, "workload": {}})";

TEST_CASE("every shipped preset reads, is named like its file, describes itself and reads back") {
  const std::vector<PresetEntry> list = list_presets({folder});
  REQUIRE(list.size() >= 6);
  for (const PresetEntry& entry : list) {
    CAPTURE(entry.name);
    const Preset preset = shipped(entry.name);
    CHECK(preset.name == entry.name);
    CHECK(!preset.description.empty());
    CHECK(!expand(preset.workload).empty());
    CHECK(preset_from_json_text(to_json_text(preset), "x") == preset);
  }
}

TEST_CASE("the guide's presets have the guide's values and nothing else") {
  RingAttentionConfig c;
  c.segment_lengths = {2048, 4096};
  c.dilation_rates = {1, 2};
  c.enable_profiling = c.log_communication_stats = c.validate_gradients = true;
  CHECK(shipped("development").config == c);

  c = {};
  c.segment_lengths = {2048, 4096, 8192};
  c.dilation_rates = {1, 2, 4};
  c.compile_mode = CompileMode::reduce_overhead;
  CHECK(shipped("production").config == c);

  c = {};
  c.segment_lengths = {4096, 8192, 16384, 32768};
  c.dilation_rates = {1, 2, 4, 8};
  c.compile_mode = CompileMode::max_autotune;
  c.aggressive_memory_cleanup = true;
  c.checkpoint_frequency = 100;
  c.enable_watchdog = true;
  CHECK(shipped("large_scale").config == c);

  c = {};
  c.segment_lengths = {2048, 4096, 8192};
  c.dilation_rates = {1, 2, 4};
  c.use_hilbert = true;
  c.hilbert_curve_level = 10;
  CHECK(shipped("hilbert_optimized").config == c);
}

TEST_CASE("large_scale goes from 2^15 to 2^20 tokens on one to eight ranks") {
  const Workload w = shipped("large_scale").workload;
  CHECK(w.seq_len.front() == 1 << 15);
  CHECK(w.seq_len.back() == 1 << 20);
  CHECK(w.ranks == std::vector<std::int64_t>{1, 2, 4, 8});
}

TEST_CASE("in quick a segment is longer than a shard, so that rows travel") {
  const Preset quick = shipped("quick");
  const std::int64_t segment =
      *std::max_element(quick.config.segment_lengths.begin(), quick.config.segment_lengths.end());
  for (const std::int64_t n : quick.workload.seq_len) {
    for (const std::int64_t k : quick.workload.ranks) {
      if (k > 1) CHECK(std::min(segment, n) > n / k);
    }
  }
  CHECK(quick.workload.dtype == std::vector<Dtype>{Dtype::fp32, Dtype::bf16});
  CHECK(quick.workload.is_causal.size() == 2);
}

TEST_CASE("ci holds odd lengths, lengths that ranks do not divide, and fewer tokens than ranks") {
  const Workload w = shipped("ci").workload;
  const auto any = [&](auto rule) {
    for (const Case& c : expand(w)) {
      if (rule(c)) return true;
    }
    return false;
  };
  CHECK(any([](const Case& c) { return c.seq_len % 2 == 1 && c.seq_len > 1; }));
  CHECK(any([](const Case& c) { return c.seq_len % c.ranks != 0 && c.seq_len > c.ranks; }));
  CHECK(any([](const Case& c) { return c.seq_len < c.ranks; }));
}

TEST_CASE("a preset is loaded by name from the first folder that has it, or by path") {
  const TemporaryFolder mine;
  const std::string path = mine.write("quick.json", small_preset);
  CHECK(load_preset("quick", {mine.path.string(), folder}).name == "mine");
  CHECK(load_preset("quick", {folder, mine.path.string()}).name == "quick");
  CHECK(load_preset(path, std::vector<std::string>{}).name == "mine");
}

TEST_CASE("RINGATTN_PRESETS is the first folder") {
  CHECK(preset_folders(Env::from({"RINGATTN_PRESETS=/somewhere"})).front() == "/somewhere");
}

TEST_CASE("the schema is no preset") {
  for (const PresetEntry& entry : list_presets({folder})) CHECK(!contains(entry.name, "schema"));
}

TEST_CASE("an unknown preset is refused with the nearest or all names") {
  CHECK(message_of([] { shipped("quikc"); }) == "--preset quikc: unknown preset; did you mean \"quick\"?");
  CHECK(message_of([] { shipped("zebra"); }).starts_with("--preset zebra: unknown preset; known: ci, development, "));
  CHECK(message_of([] { load_preset("./missing.json", std::vector<std::string>{}); }) ==
        "--preset ./missing.json: cannot be read");
  const TemporaryFolder mine;
  CHECK(message_of([&] { load_preset(mine.path.string(), std::vector<std::string>{}); }) ==
        "--preset " + mine.path.string() + ": is a folder, not a file");
}

TEST_CASE("a bad preset is refused with file, pointer and value") {
  const auto error = [](const std::string& text) { return message_of([&] { preset_from_json_text(text, "p.json"); }); };
  CHECK(error("{}") == "p.json: /name: this key is required");
  CHECK(error(R"({"name": "x", "implementation": "standrad"})") ==
        "p.json: /implementation: must be one of auto, standard, hilbert, distributed, block_sparse; did you mean "
        "\"standard\"? "
        "(got \"standrad\")");
  CHECK(error(R"({"name": "x", "implementation": "standard", "config": {"pattern": "dense"}})") ==
        "p.json: /workload: this key is required");
  CHECK(
      error(
          R"({"name": "x", "implementation": "standard", "config": {"segment_lengths": [1], "dilation_rates": [0]}, "workload": {}})") ==
      "p.json: /config/dilation_rates/0: must be a positive integer (got 0)");
  CHECK(
      error(
          R"({"name": "x", "implementation": "standard", "config": {"pattern": "dense"}, "workload": {"rank": 2}})") ==
      "p.json: /workload/rank: unknown key; did you mean \"ranks\"? (got 2)");
  CHECK(error(R"({"nam": "x"})") == "p.json: /nam: unknown key; did you mean \"name\"? (got \"x\")");
}

TEST_CASE("a huge file is refused without being loaded") {
  const TemporaryFolder mine;
  const std::string path = mine.write("huge.json", std::string(3 * json_bytes_max, ' '));
  CHECK(contains(message_of([&] { load_preset(path, std::vector<std::string>{}); }), "larger than 1048576 bytes"));
}

std::set<std::string> keys(const Json& object) {
  std::set<std::string> result;
  for (const auto& item : object.items()) result.insert(item.key());
  return result;
}

TEST_CASE("the schema knows exactly the reader's keys and names, and admits no others") {
  std::ifstream file(folder + "/preset.schema.json");
  const Json schema = Json::parse(file);
  const Json& defs = schema["$defs"];
  std::set<std::string> fields;
  for (const FieldInfo& field : config_fields()) fields.insert(field.name);
  CHECK(keys(defs["config"]["properties"]) == fields);
  CHECK(keys(defs["workload"]["properties"]) == keys(to_json(Workload{})));
  const PatternSpec in_blocks{.name = PatternName::custom, .blocks = {.rule = BlockRule::dilated, .rates = {1}}};
  std::set<std::string> axes = keys(to_json(in_blocks));
  axes.insert("from");
  std::set<std::string> block_fields = keys(to_json(in_blocks)["blocks"]);
  for (const BlockRule rule : {BlockRule::global_local, BlockRule::grid})
    block_fields.merge(
        keys(to_json(PatternSpec{.name = PatternName::custom, .blocks = {.rule = rule, .grid_width = 1}})["blocks"]));
  CHECK(keys(defs["blocks"]["properties"]) == block_fields);
  std::vector<std::string> rules = names<BlockRule>();
  std::erase(rules, "none");
  CHECK(defs["blocks"]["properties"]["rule"]["enum"].get<std::vector<std::string>>() == rules);
  CHECK(keys(defs["pattern_axes"]["properties"]) == axes);
  CHECK(schema["properties"]["implementation"]["enum"].get<std::vector<std::string>>() == implementation_names());
  CHECK(defs["pattern_name"]["enum"].get<std::vector<std::string>>() == pattern_names());
  CHECK(defs["dtype"]["enum"].get<std::vector<std::string>>() == names<Dtype>());
  const Json& fields_of = defs["config"]["properties"];
  CHECK(fields_of["communication_backend"]["enum"].get<std::vector<std::string>>() == names<CommunicationBackend>());
  CHECK(fields_of["layout"]["enum"].get<std::vector<std::string>>() == names<Layout>());
  CHECK(fields_of["backend"]["enum"].get<std::vector<std::string>>() == names<Backend>());
  CHECK(fields_of["device"]["enum"].get<std::vector<std::string>>() == names<Device>());
  const Json& axis = defs["pattern_axes"]["properties"];
  CHECK(axis["placement"]["enum"].get<std::vector<std::string>>() == names<Placement>());
  CHECK(axis["heads"]["enum"].get<std::vector<std::string>>() == names<HeadRule>());
  CHECK(axis["offset"]["enum"].get<std::vector<std::string>>() == names<OffsetRule>());
  CHECK(axis["queries"]["enum"].get<std::vector<std::string>>() == names<QueryRule>());
  CHECK(axis["keys"]["enum"].get<std::vector<std::string>>() == names<KeyRule>());
  CHECK(axis["join"]["enum"].get<std::vector<std::string>>() == names<JoinRule>());
  CHECK(axis["order"]["enum"].get<std::vector<std::string>>() == names<OrderRule>());
  CHECK(axis["tail"]["enum"].get<std::vector<std::string>>() == names<TailRule>());
  for (const Json& object : {schema, defs["config"], defs["workload"], defs["pattern_axes"], defs["blocks"]}) {
    CHECK(object["additionalProperties"] == false);
  }
}

}  // namespace
}  // namespace ringattn
