#include "config/json.h"
#include "program.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>
#include <vector>

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::run;

/// A file of old arguments, gone when the test ends.
class OldFile {
 public:
  explicit OldFile(const std::string& text)
      : path_(std::filesystem::temp_directory_path() / ("ringattn-old-" + std::to_string(getpid()) + ".json")) {
    std::ofstream(path_) << text;
  }
  ~OldFile() { std::filesystem::remove(path_); }
  OldFile(const OldFile&) = delete;
  OldFile& operator=(const OldFile&) = delete;
  std::string path() const { return path_; }

 private:
  std::filesystem::path path_;
};

Finished compare(const std::string& old, const std::string& config, std::vector<std::string> more = {}) {
  std::vector<std::string> words{"compare",    "--old", old,          "--config",  config,    "-a",
                                 "seq_len=64", "-a",    "dtype=fp32", "-a",        "heads=4", "-a",
                                 "head_dim=8", "-a",    "ranks=2",    "--no-time", "-q"};
  words.insert(words.end(), more.begin(), more.end());
  return run(words);
}

Json resolved_of(const Finished& finished) {
  INFO(finished.err);
  REQUIRE((finished.code == 0 || finished.code == 1));
  return Json::parse(finished.out).at("resolved");
}

Json row(const Json& resolved, const std::string& parameter) {
  for (const Json& each : resolved.at("old_parameters"))
    if (each.at("parameter") == parameter) return each;
  return {};
}

}  // namespace

TEST_CASE("old arguments drive old and new, and the report says what became of each") {
  const OldFile file(R"({"embed_dim": 32, "num_heads": 4, "segment_lengths": [16, 32], "dilation_rates": [1, 2],
    "dropout": 0.1, "use_flash_attention": true, "memory_efficient": true, "causal": true, "ring_size": 2})");
  const Finished finished = compare("v2", file.path(), {"--json", "-"});
  CHECK(finished.code == 0);
  const Json resolved = resolved_of(finished);
  CHECK(resolved.at("old_config") == file.path());
  CHECK(resolved.at("config").at("segment_lengths") == Json({16, 32}));
  CHECK(resolved.at("config").at("dropout") == 0.1);
  CHECK(resolved.at("workload").at("is_causal") == Json({true}));
  CHECK(row(resolved, "segment_lengths").at("fate") == "kept");
  CHECK(row(resolved, "causal").at("fate") == "renamed");
  CHECK(row(resolved, "use_flash_attention").at("fate") == "dropped");
  CHECK(row(resolved, "embed_dim").at("words") == "equal to what the workload has");
  const Json report = Json::parse(finished.out);
  REQUIRE(report.at("cases").size() == 1);
  CHECK(report.at("cases").at(0).at("outcome") == "match");
  CHECK(contains(report.at("cases").at(0).at("repro"), "--config"));

  const Finished text = compare("v2", file.path());
  CHECK(contains(text.out, "Old arguments (" + file.path() + "):"));
  CHECK(contains(text.out, "dropped  use_flash_attention = true ("));
}

TEST_CASE("the lists of the file really are the ones that run") {
  const auto differs = [](const std::string& config) {
    const Finished finished =
        compare("v2", config,
                {"--new-config", R"({"segment_lengths": [16], "dilation_rates": [2], "pattern": "dilated_keys"})", "-a",
                 "is_causal=false", "--json", "-"});
    REQUIRE((finished.code == 0 || finished.code == 1));
    return Json::parse(finished.out).at("cases").at(0).at("outcome").get<std::string>();
  };
  CHECK(differs(R"({"segment_lengths": [16], "dilation_rates": [2]})") == "match");
  CHECK(differs(R"({"segment_lengths": [32], "dilation_rates": [2]})") == "different_function");
}

TEST_CASE("an argument of the command line wins over the file, and the run says so") {
  const Finished finished = compare("v2", R"({"segment_lengths": [16], "dilation_rates": [1], "causal": true})",
                                    {"--set", "segment_lengths=[32]", "-a", "is_causal=false", "--json", "-"});
  const Json resolved = resolved_of(finished);
  CHECK(resolved.at("config").at("segment_lengths") == Json({32}));
  CHECK(resolved.at("workload").at("is_causal") == Json({false}));
  CHECK(contains(row(resolved, "segment_lengths").at("words"), "--set segment_lengths=[32] wins"));
  CHECK(contains(Json::parse(finished.out).at("warnings").dump(), "is replaced by --set segment_lengths=[32]"));
}

TEST_CASE("what cannot be mapped is refused with field, value and what would be right") {
  const auto refusal = [](const std::string& old, const std::string& config, std::vector<std::string> more = {}) {
    const Finished finished = compare(old, config, std::move(more));
    CHECK(finished.code == 2);
    return finished.err;
  };
  CHECK(contains(refusal("v2", R"({"segment_lenghts": [4]})"), "did you mean \"segment_lengths\""));
  CHECK(contains(refusal("v2", R"({"num_heads": 12})"),
                 "--config: num_heads: 12, but the workload has heads 4; give -a heads=12"));
  CHECK(contains(refusal("v2", R"({"embed_dim": 64})"),
                 "embed_dim: 64, but the workload has heads 4 of head_dim 8; give -a heads=4 -a head_dim=16"));
  CHECK(contains(refusal("v2", R"({"ring_size": 4})"), "ring_size: 4, but the workload has ranks 2; give -a ranks=4"));
  CHECK(contains(refusal("correct", R"({"use_hilbert": false})"), "use_hilbert: false: "));
  CHECK(contains(refusal("v2", "nowhere.json"), "\"nowhere.json\" is no file"));
  CHECK(run({"compare", "--old", "oracle", "--config", "{}"}).code == 2);
}

TEST_CASE("a released class gets what the new configuration has no field for") {
  const std::string lists = R"("segment_lengths": [128], "dilation_rates": [1], "is_causal": true)";
  const auto outcome = [&](const std::string& more) {
    const Finished finished = compare("correct", "{" + lists + more + "}",
                                      {"--as-shipped", "--json", "-", "-a", "ranks=1", "-a", "seq_len=128"});
    INFO(finished.err);
    REQUIRE((finished.code == 0 || finished.code == 1));
    return Json::parse(finished.out);
  };
  const Json with = outcome(R"(, "use_hilbert": true)"), without = outcome(R"(, "use_hilbert": false)");
  CHECK(row(without.at("resolved"), "use_hilbert").at("fate") == "kept");
  // The released class masked places along its curve, so that without one its error is another.
  const auto error = [](const Json& report) {
    return report.at("cases").at(0).at("legacy_against_oracle").at("tensors").at(0).at("worst_abs").at("abs_error");
  };
  CHECK(error(with) != error(without));
}

}  // namespace ringattn
