#include "config/json.h"
#include "program.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <unistd.h>
#include <vector>

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::run;

const std::string golden = std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/";
const std::string small_case = "base/w1/a/a1/full";

std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

/// A safetensors file: its header, and the bytes of its tensors.
struct Tensors {
  Json header = Json::object();
  std::string data;
};

Tensors read_tensors() {
  const std::string file = read_file(golden + "legacy/golden.safetensors");
  std::uint64_t size = 0;
  std::memcpy(&size, file.data(), sizeof(size));
  return {Json::parse(file.substr(8, size)), file.substr(8 + size)};
}

/// The tensors of small_case alone.
Tensors small_tensors() {
  const Tensors all = read_tensors();
  Tensors few;
  for (const std::string name :
       {"inputs/a/query", "inputs/a/key", "inputs/a/value", "outputs/base/w1/a/a1/full/rank0"}) {
    Json entry = all.header.at(name);
    const auto from = entry["data_offsets"][0].get<std::size_t>(), to = entry["data_offsets"][1].get<std::size_t>();
    entry["data_offsets"] = Json::array({few.data.size(), few.data.size() + to - from});
    few.data += all.data.substr(from, to - from);
    few.header[name] = entry;
  }
  return few;
}

std::string to_file(const Tensors& tensors) {
  const std::string header = tensors.header.dump();
  const std::uint64_t size = header.size();
  return std::string(reinterpret_cast<const char*>(&size), 8) + header + tensors.data;
}

/// A folder of one recording, small_case, gone with the object.
class OneRecording {
 public:
  OneRecording() : tensors(small_tensors()) {
    const Json all = Json::parse(read_file(golden + "legacy/index.json"));
    for (const Json& recorded : all["cases"]) {
      if (recorded["id"] == small_case)
        index = {{"schema", 1}, {"torch", "2.11.0"}, {"cases", Json::array({recorded})}};
    }
    std::filesystem::create_directories(folder_);
  }
  ~OneRecording() { std::filesystem::remove_all(folder_); }
  OneRecording(const OneRecording&) = delete;
  OneRecording& operator=(const OneRecording&) = delete;

  Json& recorded() { return index["cases"][0]; }
  Finished replay(std::vector<std::string> more = {}) {
    write_file(folder_ / "index.json", index.dump());
    write_file(folder_ / "golden.safetensors", to_file(tensors));
    more.insert(more.begin(), {"replay", folder_.string()});
    return run(more);
  }

  Json index;
  Tensors tensors;

 private:
  std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / ("ringattn_replay_" + std::to_string(getpid()));
};

/// The recorded result of small_case, fp32.
std::size_t output_offset(const Tensors& tensors) {
  return tensors.header["outputs/" + small_case + "/rank0"]["data_offsets"][0].get<std::size_t>();
}

/// What a replay of the recording says when it was changed: exit code 2, and words that name the field.
void check_refused(const std::function<void(OneRecording&)>& change, const std::string& words) {
  OneRecording one;
  change(one);
  const Finished f = one.replay();
  CAPTURE(f.err);
  CHECK(f.code == 2);
  CHECK(contains(f.err, words));
  CHECK(f.out.empty());
}

}  // namespace

TEST_CASE("replay tells what became of each recording, and exits with 0 when none differs") {
  const Finished f = run({"replay", golden + "legacy", "--filter", "v2_collective/w2/a/*"});
  CHECK(f.code == 0);
  CHECK(contains(f.out, "matched  v2_collective/w2/a/a1/full\n"));
  CHECK_FALSE(contains(f.out, "v2_collective/w1"));
  CHECK(contains(f.out, " matched, 0 differ, 0 refused\n"));
}

TEST_CASE("replay --json gives the same verdicts as data") {
  const Finished f = run({"replay", golden + "hilbert", "--filter", "standard_shipped/*", "--json", "-"});
  CHECK(f.code == 0);
  const Json json = Json::parse(f.out);
  CHECK(json["matched"] == 25);
  CHECK(json["differ"] == 0);
  CHECK(json["refused"] == 0);
  REQUIRE(json["cases"].size() == 25);
  for (const Json& one : json["cases"]) {
    CHECK(one["alias"] == "standard_shipped");
    CHECK(one["class"] == "StandardRingAttention");
    CHECK(one["outcome"] == "matched");
  }
}

TEST_CASE("a filter that matches nothing is refused") {
  const Finished f = run({"replay", golden + "legacy", "--filter", "v9/*"});
  CHECK(f.code == 2);
  CHECK(contains(f.err, "--filter"));
  CHECK(contains(f.err, "v9/*"));
}

TEST_CASE("a recording with one value changed by 1 % differs, and so does replay's exit code") {
  OneRecording one;
  CHECK(one.replay().code == 0);
  char* const at = one.tensors.data.data() + output_offset(one.tensors);
  float value = 0.0F;
  std::size_t element = 0;
  for (; std::abs(value) < 0.01F; ++element) std::memcpy(&value, at + 4 * element, 4);
  const float changed = value * 1.01F;
  std::memcpy(at + 4 * (element - 1), &changed, 4);
  const Finished f = one.replay();
  CHECK(f.code == 1);
  CHECK(contains(f.out, "differs  " + small_case + ": rank 0: 1 of "));
  CHECK(contains(f.out, "0 matched, 1 differ, 0 refused\n"));
}

TEST_CASE("a recording that raises where the class returns differs") {
  OneRecording one;
  one.recorded()["result"] = "raises";
  one.recorded()["error"] = "ValueError";
  one.recorded()["message"] = "no";
  const Finished f = one.replay();
  CHECK(f.code == 1);
  CHECK(contains(f.out, "returns a tensor; recorded: raises: ValueError: no"));
}

TEST_CASE("a refused recording fails under --strict alone") {
  OneRecording one;
  one.recorded()["alias"] = "nobody";
  const Finished lenient = one.replay();
  CHECK(lenient.code == 0);
  CHECK(contains(lenient.out, "refused  " + small_case + ": there is no class with the alias \"nobody\""));
  CHECK(contains(lenient.out, "0 matched, 0 differ, 1 refused\n"));
  CHECK(one.replay({"--strict"}).code == 1);
}

TEST_CASE("a malformed recording is refused by the name of its field") {
  check_refused([](OneRecording& one) { one.recorded().erase("alias"); }, "alias");
  check_refused([](OneRecording& one) { one.recorded()["world_size"] = 0; }, "world_size");
  check_refused([](OneRecording& one) { one.recorded()["world_size"] = "two"; }, "world_size");
  check_refused([](OneRecording& one) { one.recorded()["is_causal"] = 1; }, "is_causal");
  check_refused([](OneRecording& one) { one.recorded()["segment_lengths"] = "8"; }, "segment_lengths");
  check_refused([](OneRecording& one) { one.recorded()["dilation_rates"][0] = 1.5; }, "dilation_rates");
  check_refused([](OneRecording& one) { one.recorded()["result"] = "perhaps"; }, "result");
  check_refused(
      [](OneRecording& one) {
        one.recorded()["rank_results"] = Json::array({"tensor", "hangs"});
      },
      "rank_results");
  check_refused([](OneRecording& one) { one.recorded()["chunk_sequence"] = Json::array({Json::array({7})}); },
                "chunk_sequence");
  check_refused([](OneRecording& one) { one.recorded()["inputs"] = "nowhere"; }, "inputs/nowhere");
  check_refused([](OneRecording& one) { one.index["schema"] = 2; }, "schema");
  check_refused([](OneRecording& one) { one.index["cases"].push_back(one.recorded()); }, "two cases have this id");
}

TEST_CASE("a recording without its tensors is refused by the name of the tensor") {
  const std::string output = "outputs/" + small_case + "/rank0";
  check_refused(
      [&](OneRecording& one) {
        one.tensors.header["outputs/elsewhere/rank0"] = one.tensors.header[output];
        one.tensors.header.erase(output);
      },
      output);
  check_refused(
      [](OneRecording& one) {
        one.tensors.data.resize(one.tensors.data.size() / 2);  // the header promises more
      },
      "golden.safetensors");
}

TEST_CASE("a folder without recordings is refused") {
  const Finished nothing = run({"replay", golden});
  CHECK(nothing.code == 2);
  CHECK(contains(nothing.err, "index.json"));
  CHECK(run({"replay"}).code == 2);
}

}  // namespace ringattn
