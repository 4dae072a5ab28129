#include "config/json.h"
#include "program.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

// `ringattn compare --old FILE.safetensors`.

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::run;

const std::string golden = std::string(RINGATTN_SOURCE_DIR) + "/tests/golden/";

/// Tensors of the rings' recordings, written under other names to a file that is gone with the object.
class RecordingFile {
 public:
  RecordingFile() {
    std::ifstream stream(golden + "legacy/golden.safetensors", std::ios::binary);
    const std::string file{std::istreambuf_iterator<char>(stream), {}};
    std::uint64_t size = 0;
    std::memcpy(&size, file.data(), sizeof(size));
    all_ = Json::parse(file.substr(8, size));
    bytes_ = file.substr(8 + size);
    for (const std::string name : {"query", "key", "value"}) add("inputs/a/" + name, name);
  }
  ~RecordingFile() { std::filesystem::remove(path); }
  RecordingFile(const RecordingFile&) = delete;
  RecordingFile& operator=(const RecordingFile&) = delete;

  void add(const std::string& from, const std::string& name) {
    Json entry = all_.at(from);
    const auto begin = entry["data_offsets"][0].get<std::size_t>(), end = entry["data_offsets"][1].get<std::size_t>();
    entry["data_offsets"] = Json::array({data.size(), data.size() + end - begin});
    data += bytes_.substr(begin, end - begin);
    header_[name] = entry;
  }

  Finished compare(std::vector<std::string> more = {}) const {
    const std::string header = header_.dump();
    const std::uint64_t size = header.size();
    std::ofstream(path, std::ios::binary) << std::string(reinterpret_cast<const char*>(&size), 8) << header << data;
    more.insert(more.begin(), {"compare", "--old", path});
    return run(more);
  }

  const std::string path =
      (std::filesystem::temp_directory_path() / ("ringattn-own-" + std::to_string(getpid()) + ".safetensors")).string();
  std::string data;

 private:
  Json all_, header_ = Json::object();
  std::string bytes_;
};

/// base/w1/a/a1/full and so on were called with these.
const std::string lists = R"({"segment_lengths": [8, 12], "dilation_rates": [1, 2], "is_causal": false)";

std::vector<std::string> names(const Json& report) {
  std::vector<std::string> all;
  for (const Json& match : report["matches"]) all.push_back(match["name"].get<std::string>());
  return all;
}

bool holds(const std::vector<std::string>& all, const std::string& name) {
  return std::find(all.begin(), all.end(), name) != all.end();
}

}  // namespace

TEST_CASE("a recording of an old class is named, and so is the configuration that preserves it") {
  RecordingFile file;
  file.add("outputs/base/w1/a/a1/full/rank0", "out");
  const Finished f = file.compare({"--config", lists + "}", "--ranks", "1"});
  CHECK(f.code == 0);
  for (const char* words :
       {"as intended (dilated)", "base", "as released, on 1 rank", "second best", "The configuration that preserves it",
        "segment_lengths=[8, 12]", "run on the recorded inputs"}) {
    CAPTURE(words);
    CHECK(contains(f.out, words));
  }
}

TEST_CASE("a defect of several ranks is named from what each of them returned") {
  RecordingFile file;
  for (const std::string rank : {"rank0", "rank1"})
    file.add("outputs/v2_collective/w2/a/a1/full/" + rank, "out." + rank);
  const Finished f =
      file.compare({"--config", lists + R"(, "use_flash_attention": false, "ranks": 2})", "--json", "-"});
  CHECK(f.code == 1);
  const Json report = Json::parse(f.out);
  CHECK(report["answer"] == "not_preserved");
  CHECK(holds(names(report), "v2_collective"));
  CHECK(report["matches"][0]["ranks"] == 2);
  CHECK(contains(report["matches"][0]["note"].get<std::string>(), "slot order"));
  CHECK(report["second"]["ratio"].get<double>() > 1.0);
  CHECK(report["preserving"].is_null());
}

TEST_CASE("one number changed by a hundredth, and nothing fits") {
  RecordingFile file;
  const std::size_t begin = file.data.size();
  file.add("outputs/base/w1/a/a1/full/rank0", "out");
  for (std::size_t at = begin;; at += sizeof(float)) {
    REQUIRE(at < file.data.size());
    float number = 0.0F;
    std::memcpy(&number, file.data.data() + at, sizeof(number));
    if (number < 0.01F) continue;
    number *= 1.01F;
    std::memcpy(file.data.data() + at, &number, sizeof(number));
    break;
  }
  const Finished f = file.compare({"--config", lists + "}", "--ranks", "1"});
  CHECK(f.code == 1);
  CHECK(contains(f.out, "not identified"));
  CHECK(contains(f.out, "the nearest"));
}

TEST_CASE("lists of one process are found, and grad_out alone is named as not judged") {
  RecordingFile file;
  file.add("outputs/base/w1/a/a1/full/rank0", "out");
  file.add("inputs/a/query", "grad_out");
  const Finished f = file.compare({"--config", R"({"is_causal": false})", "--ranks", "1", "--json", "-"});
  CHECK(f.code == 0);
  const Json report = Json::parse(f.out);
  CHECK(report["lists_were_searched"] == true);
  CHECK(holds(names(report), "base"));
  CHECK(report["recording"]["unjudged"] == Json({"grad_out"}));
  CHECK(report["gradients"].is_null());
}

TEST_CASE("recorded gradients are judged, in words and in JSON") {
  RecordingFile file;
  file.add("outputs/base/w1/a/a1/full/rank0", "out");
  file.add("inputs/a/query", "grad_out");
  file.add("inputs/a/key", "dv");
  const std::vector<std::string> call{"--config", lists + "}", "--ranks", "1"};
  Finished f = file.compare(call);
  CHECK(f.code == 0);
  CHECK(contains(f.out, "gradients: unexplained: they are not the function's derivatives"));
  std::vector<std::string> json = call;
  json.insert(json.end(), {"--json", "-"});
  const Json gradients = Json::parse(file.compare(json).out)["gradients"];
  CHECK(gradients["verdict"] == "unexplained");
  CHECK(gradients["ratios"]["dq"].is_null());
  CHECK(gradients["ratios"]["dv"].get<double>() > 1.0);

  RecordingFile lonely;
  lonely.add("outputs/base/w1/a/a1/full/rank0", "out");
  lonely.add("inputs/a/key", "dv");
  f = lonely.compare(call);
  CHECK(f.code == 2);
  CHECK(contains(f.err, "dv: there is no tensor \"grad_out\""));
  lonely.add("inputs/c/key", "grad_out");
  CHECK(contains(lonely.compare(call).err, "grad_out: must have the query's shape (1, 24, 5, 4), got (1, 32, 4, 8)"));
}

TEST_CASE("files and options without meaning are refused by name") {
  RecordingFile file;
  CHECK(contains(file.compare().err, "there is no tensor \"out\""));
  file.add("inputs/a/query", "outt");
  const Finished unknown = file.compare();
  CHECK(unknown.code == 2);
  CHECK(contains(unknown.err, "\"outt\""));
  RecordingFile good;
  good.add("outputs/base/w1/a/a1/full/rank0", "out.rank2");
  CHECK(contains(good.compare({"--ranks", "2"}).err, "result of rank 2"));
  CHECK(good.compare({"--config", R"({"segment_length": [8]})"}).code == 2);
  CHECK(contains(good.compare({"--config", R"({"segment_lengths": [8]})"}).err, "go together"));
  CHECK(contains(good.compare({"-a", "ranks=2"}).err, "-a: has no meaning for a recording"));
  CHECK(contains(run({"compare", "--old", "v2", "--ranks", "2"}).err, "--ranks: says what a recording"));
  CHECK(run({"compare", "--old", "no-such.safetensors"}).code == 2);
}

}  // namespace ringattn
