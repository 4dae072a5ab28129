#include "program.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>
#include <vector>

namespace ringattn {
namespace {

namespace fs = std::filesystem;
using test::contains;
using test::Finished;
using test::run;

/// A folder of its own that goes when the test ends.
class Scratch {
 public:
  Scratch() : path_(fs::temp_directory_path() / ("ringattn-report-" + std::to_string(::getpid()))) {
    fs::create_directories(path_);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { fs::remove_all(path_); }
  std::string at(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// One small bench, saved.
void make_run(const std::string& path) {
  const Finished f = run({"bench",
                          "--no-time",
                          "--quiet",
                          "--json",
                          path,
                          "-a",
                          "seq_len=96,192",
                          "-a",
                          "heads=2",
                          "-a",
                          "head_dim=8",
                          "-a",
                          "dtype=fp32",
                          "-a",
                          "is_causal=false",
                          "-a",
                          "ranks=1,2",
                          "--set",
                          "segment_lengths=[24,96]",
                          "--set",
                          "dilation_rates=[1,2]"});
  REQUIRE(f.code == 0);
}

TEST_CASE("report writes every format, says what changed, and checks what it reads") {
  const Scratch scratch;
  const std::string bench = scratch.at("bench.json");
  make_run(bench);
  const Finished all = run({"report", bench, "-o", scratch.at("out"), "--since", bench});
  CHECK(all.code == 0);
  for (const char* name : {"report.md", "report.html", "report.csv", "junit.xml", "plots/peak_over_n.svg"}) {
    CAPTURE(name);
    CHECK(contains(all.out, name));
    CHECK(!text_of(scratch.at(std::string("out/") + name)).empty());
  }
  CHECK(contains(text_of(scratch.at("out/report.md")), "0 changed"));
  CHECK(contains(text_of(scratch.at("out/report.md")), "](plots/peak_over_n.svg)"));
  CHECK(run({"report", "--check", bench}).code == 0);

  const Finished one = run({"report", bench, "-o", scratch.at("one"), "--format", "md"});
  CHECK(one.code == 0);
  CHECK(!fs::exists(scratch.at("one/report.html")));
  CHECK(!contains(text_of(scratch.at("one/report.md")), "plots/"));
}

TEST_CASE("report refuses what it cannot read or write, and names it") {
  const Scratch scratch;
  const std::string bench = scratch.at("bench.json");
  make_run(bench);
  CHECK(contains(run({"report", bench}).err, "-o"));
  CHECK(run({"report", bench}).code == 2);
  CHECK(run({"report", "-o", scratch.at("out")}).code == 2);
  CHECK(run({"report", scratch.at("none.json"), "-o", scratch.at("out")}).code == 2);
  const Finished format = run({"report", bench, "-o", scratch.at("out"), "--format", "htm"});
  CHECK(format.code == 2);
  CHECK(contains(format.err, "did you mean \"html\"?"));

  std::string text = text_of(bench);
  const std::string count = "\"cases\": 4,\n    \"skipped\"";
  REQUIRE(contains(text, count));
  text.replace(text.find(count), 10, "\"cases\": 5");
  std::ofstream(scratch.at("wrong.json")) << text;
  const Finished wrong = run({"report", "--check", scratch.at("wrong.json")});
  CHECK(wrong.code == 1);
  CHECK(contains(wrong.out, "wrong.json: /summary/cases: is 5, but 4 are listed"));

  std::ofstream(scratch.at("broken.json")) << "{\"schema\": \"other\"}";
  const Finished broken = run({"report", scratch.at("broken.json"), "-o", scratch.at("out")});
  CHECK(broken.code == 2);
  CHECK(contains(broken.err, "broken.json: /schema: must be \"ringattn.report\""));
  CHECK(run({"report", "--check", scratch.at("broken.json")}).code == 1);

  CHECK(run({"report", bench, "-o", bench + "/out"}).code == 4);
}

TEST_CASE("a result that is no report is named and passed over") {
  const Finished f = run({"report", "--check", RINGATTN_SOURCE_DIR "/results/report.schema.json"});
  CHECK(f.code == 0);
  CHECK(contains(f.out, "no report but a JSON schema"));
}

}  // namespace
}  // namespace ringattn
