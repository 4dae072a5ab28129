#include "compare/recording.h"

#include "config/error.h"

#include <ATen/ATen.h>
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace ringattn {
namespace {

namespace fs = std::filesystem;

/// A folder with one recording of two ranks, removed at the end.
class RecordedFolder {
 public:
  RecordedFolder() : path_(fs::temp_directory_path() / "ringattn_recording_test") {
    fs::create_directories(path_);
    tensors_ = {{"inputs/s/query", at::ones({1, 4, 1, 2})},
                {"inputs/s/mask", at::zeros({4, 4})},
                {"outputs/one/w2/rank0", at::ones({1, 2, 1, 2})},
                {"outputs/one/w2/rank1", at::zeros({1, 2, 1, 2})},
                {"aux/one/w2/mapping/rank1", at::arange(4)}};
    document_ = Json::parse(R"({"schema": 1, "cases": [{"id": "one/w2", "alias": "one", "class": "One",
      "world_size": 2, "is_causal": false, "inputs": "s", "segment_lengths": [4], "dilation_rates": [1],
      "constructor": {"heads": 1}, "call": {}, "patched": "", "result": "tensor"}]})");
  }
  ~RecordedFolder() { fs::remove_all(path_); }
  RecordedFolder(const RecordedFolder&) = delete;
  RecordedFolder& operator=(const RecordedFolder&) = delete;

  Json& recorded() { return document_["cases"][0]; }
  Json& document() { return document_; }
  NamedTensors& tensors() { return tensors_; }

  std::vector<Recording> read() const {
    std::ofstream(path_ / "index.json") << document_.dump();
    write_safetensors((path_ / "golden.safetensors").string(), tensors_);
    return read_recordings(path_.string());
  }
  /// The refusal's words; "" when it is read.
  std::string refusal() const {
    try {
      read();
      return {};
    } catch (const UsageError& error) {
      return error.what();
    }
  }
  std::string path() const { return path_.string(); }

 private:
  fs::path path_;
  Json document_;
  NamedTensors tensors_;
};

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a recording has its arguments, its inputs without prefix, and each rank's tensors") {
  RecordedFolder folder;
  folder.recorded()["constructor"]["ring_size"] = 1;
  folder.recorded()["chunk_sequence"] = Json::parse("[[0, 1], [1, 1]]");
  const std::vector<Recording> all = folder.read();
  REQUIRE(all.size() == 1);
  const Recording& one = all.front();
  CHECK(one.id == "one/w2");
  CHECK(one.ring_size == 1);
  CHECK(one.chunk_sequence == std::vector<std::vector<std::int64_t>>{{0, 1}, {1, 1}});
  CHECK(one.result_of(1) == RecordedResult::tensor);
  CHECK(one.inputs.size() == 1);
  CHECK(one.inputs.at("query").equal(at::ones({1, 4, 1, 2})));
  CHECK(one.outputs.at(1).equal(at::zeros({1, 2, 1, 2})));
  CHECK(one.drawn.at(0).empty());
  CHECK(one.drawn.at(1).at("aux/mapping").equal(at::arange(4)));
}

TEST_CASE("a mask is among the inputs where the call names it, alone") {
  RecordedFolder folder;
  folder.recorded()["call"]["attention_mask"] = "inputs/s/attention_mask";
  CHECK(folder.read().front().inputs.at("attention_mask").equal(at::zeros({4, 4})));
  folder.recorded()["call"]["attention_mask"] = "inputs/t/attention_mask";
  CHECK(has(folder.refusal(), "case one/w2: /call/attention_mask: must name a tensor"));
}

TEST_CASE("a wrong field is refused with file, case and field") {
  RecordedFolder folder;
  const Json good = folder.recorded();
  const auto refusal_with = [&](const char* field, const Json& value) {
    folder.recorded() = good;
    folder.recorded()[field] = value;
    return folder.refusal();
  };
  const std::string who = folder.path() + "/index.json: case one/w2: ";
  CHECK(has(refusal_with("world_size", 0), who + "/world_size: must be an integer between 1 and"));
  CHECK(has(refusal_with("is_causal", "no"), who + "/is_causal: must be true or false"));
  CHECK(has(refusal_with("result", "tensr"), who + "/result: must be one of tensor, raises, hangs"));
  CHECK(has(refusal_with("inputs", "none"), who + "/inputs: there are no tensors inputs/none/"));
  CHECK(has(refusal_with("segment_lengths", Json::parse("[4.5]")), who + "/segment_lengths/0: must be"));
  CHECK(has(refusal_with("constructor", 3), who + "/constructor: must be an object"));
  CHECK(has(refusal_with("rank_results", Json::parse(R"(["hangs"])")), who + "/rank_results: must have one element"));
  CHECK(has(refusal_with("chunk_sequence", Json::parse("[[0], [2]]")), who + "/chunk_sequence/1: must name chunks"));
  CHECK(refusal_with("note", "fine").empty());
}

TEST_CASE("a missing field, output, file or second schema is refused; so is one id given twice") {
  RecordedFolder folder;
  const Json good = folder.document();
  folder.recorded().erase("alias");
  CHECK(has(folder.refusal(), "case one/w2: /alias: this key is required"));
  folder.recorded().erase("id");
  CHECK(has(folder.refusal(), "index.json: /cases/0: /id: this key is required"));
  folder.document() = good;
  folder.document()["schema"] = 2;
  CHECK(has(folder.refusal(), "/schema: must be"));
  folder.document() = good;
  folder.document()["cases"].push_back(good["cases"][0]);
  CHECK(has(folder.refusal(), "case one/w2: /id: two cases have this id"));
  folder.document() = good;
  std::erase_if(folder.tensors(), [](const auto& entry) { return entry.first == "outputs/one/w2/rank1"; });
  CHECK(has(folder.refusal(), "has no tensor outputs/one/w2/rank1"));
  folder.recorded()["result"] = "raises";
  CHECK(folder.refusal().empty());
  CHECK_THROWS_AS(read_recordings(folder.path() + "/nowhere"), UsageError);
}

}  // namespace ringattn
