#include "config/json.h"
#include "program.h"
#include "tests/support/folder.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

// What a report's repro line repeats, and masks from files.

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::Folder;
using test::run;

const std::vector<std::string> tiny{"-a", "seq_len=24", "-a", "heads=2",         "-a", "head_dim=4",
                                    "-a", "dtype=fp32", "-a", "is_causal=false", "-a", "ranks=2"};

std::vector<std::string> with(std::vector<std::string> words, const std::vector<std::string>& further) {
  words.insert(words.end(), further.begin(), further.end());
  return words;
}

std::vector<std::string> repro_lines(const std::vector<std::string>& arguments,
                                     const std::vector<std::string>& variables = {}) {
  const Finished f = run(with(arguments, {"--no-time", "--json", "-"}), variables);
  CAPTURE(f.err);
  REQUIRE(f.code == 0);
  const Json report = Json::parse(f.out);
  std::vector<std::string> lines;
  for (const Json& record : report["cases"]) lines.push_back(record["repro"]);
  return lines;
}

struct FileTensor {
  std::string name, dtype, shape;
  std::string data;
};

std::string floats(std::size_t count) {
  std::string data;
  for (std::size_t i = 0; i < count; ++i) {
    const auto number = static_cast<float>(static_cast<int>(i * 37 % 101) - 50) / 40.0F;
    data.append(reinterpret_cast<const char*>(&number), sizeof number);
  }
  return data;
}

std::string write_safetensors(const std::filesystem::path& path, const std::vector<FileTensor>& tensors) {
  std::string header = "{", data;
  for (const FileTensor& t : tensors) {
    header += (header.size() > 1 ? "," : "") + ("\"" + t.name + "\":{\"dtype\":\"" + t.dtype + "\",\"shape\":") +
              t.shape + ",\"data_offsets\":[" + std::to_string(data.size()) + "," +
              std::to_string(data.size() + t.data.size()) + "]}";
    data += t.data;
  }
  header += "}";
  std::ofstream file(path, std::ios::binary);
  const std::uint64_t length = header.size();
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << header << data;
  return path.string();
}

/// A mask of 24 keys for all batch indices, the last six hidden.
FileTensor shared_mask() { return {"mask", "BOOL", "[1,24]", std::string(18, '\1') + std::string(6, '\0')}; }

}  // namespace

TEST_CASE("a repro line spells out an axis at its default where the run says otherwise of it") {
  const std::vector<std::string> compare = with({"compare", "--old", "oracle"}, tiny);
  const std::vector<std::string> usual = repro_lines(compare);
  REQUIRE(usual.size() == 1);
  CHECK_FALSE(contains(usual[0], "window="));
  for (const std::string& line : repro_lines(with(compare, {"-a", "mask=none,padding"})))
    CHECK(contains(line, "-a window=none -a documents=none -a mask="));
  // The environment asks for a window, and the command line takes it back.
  const std::vector<std::string> back = repro_lines(with(compare, {"-a", "window=none"}), {"RINGATTN_AXIS_WINDOW=4"});
  REQUIRE(back.size() == 1);
  CHECK(contains(back[0], "-a window=none"));
  const std::vector<std::string> bench = repro_lines(with(with({"bench"}, tiny), {"-a", "documents=1,2"}));
  REQUIRE(bench.size() == 2);
  CHECK(contains(bench[0], "-a documents=none"));
  CHECK(contains(bench[1], "-a documents=2"));
}

TEST_CASE("a repro line takes back what its preset says of an axis") {
  const Folder folder;
  const std::string preset = folder / "windowed.json";
  std::ofstream(preset)
      << R"({"name": "windowed", "description": "", "implementation": "standard", "config": {"segment_lengths": [24], "dilation_rates": [1]},
    "workload": {"seq_len": [24], "heads": [2], "head_dim": [4], "dtype": ["fp32"], "is_causal": [false],
                 "ranks": [2], "window": ["none", "4"]}})";
  const std::vector<std::string> lines = repro_lines({"compare", "--old", "oracle", "--preset", preset});
  REQUIRE(lines.size() == 2);
  CHECK(contains(lines[0], "-a window=none"));
  CHECK(contains(lines[1], "-a window=4"));
}

TEST_CASE("plan prices a mask file's own batch, as a run counts it") {
  const Folder folder;
  const std::string mask = write_safetensors(folder / "keys.safetensors", {shared_mask()});
  const std::vector<std::string> axes = with(tiny, {"-a", "batch=3", "-a", "mask=" + mask});
  const Finished planned = run(with(with({"plan"}, axes), {"--json", "-"}));
  CAPTURE(planned.err);
  REQUIRE(planned.code == 0);
  const Json plan = Json::parse(planned.out);
  const Finished benched = run(with(with({"bench", "--no-time"}, axes), {"--json", "-"}));
  CAPTURE(benched.err);
  REQUIRE(benched.code == 0);
  const Json measured = Json::parse(benched.out)["cases"][0]["candidate"]["ranks"];
  for (const std::size_t rank : {0U, 1U})
    CHECK(plan[0]["ranks"][rank]["cost"]["sent_bytes"] == measured[rank]["sent_bytes"]);
}

TEST_CASE("inputs from a file may be masked by a name or a file of the command line") {
  const Folder folder;
  const std::string shape = "[3,24,2,4]";
  const std::string inputs =
      write_safetensors(folder / "qkv.safetensors", {{"query", "F32", shape, floats(3 * 24 * 8)},
                                                     {"key", "F32", shape, floats(3 * 24 * 8)},
                                                     {"value", "F32", shape, floats(3 * 24 * 8)}});
  const std::string mask = write_safetensors(folder / "keys.safetensors", {shared_mask()});
  const std::vector<std::string> compare{"compare",    "--old", "oracle",  "--inputs", inputs,          "-a",
                                         "dtype=fp32", "-a",    "ranks=2", "-a",       "is_causal=true"};
  for (const auto& [spec, stem] : {std::pair<std::string, std::string>{"padding", "padding"}, {mask, "keys"}}) {
    const std::vector<std::string> lines = repro_lines(with(compare, {"-a", "mask=" + spec}));
    REQUIRE(lines.size() == 1);
    CHECK(contains(lines[0], "-a mask=" + spec));
    CHECK(contains(lines[0], "--inputs " + inputs));
    const Finished f = run(with(compare, {"-a", "mask=" + spec, "--no-time"}));
    CHECK(contains(f.out, "mask-" + stem));
  }
}

#if RINGATTN_LEGACY
TEST_CASE("a given configuration of another scale or dropout is another function, and the difference is named") {
  const std::vector<std::string> compare = with({"compare", "--old", "v2", "--no-time", "--train", "--set",
                                                 "segment_lengths=[24]", "--set", "dilation_rates=[1]"},
                                                tiny);
  const std::string lists = R"("segment_lengths": [24], "dilation_rates": [1], "pattern": "dilated_keys")";
  const Finished scale = run(with(compare, {"--new-config", "{" + lists + R"(, "softmax_scale": 0.3})"}));
  CHECK(scale.code == 1);
  CHECK(contains(scale.out, "different_function"));
  CHECK(contains(scale.out, "the scores are multiplied by 1/√head_dim and by 0.3"));
  const Finished dropout = run(with(compare, {"--new-config", "{" + lists + R"(, "dropout": 0.2})"}));
  CHECK(dropout.code == 1);
  CHECK(contains(dropout.out, "different_function"));
  CHECK(contains(dropout.out, "dropout"));
}
#endif

}  // namespace ringattn
