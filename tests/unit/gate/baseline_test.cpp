#include "gate/baseline.h"

#include "config/error.h"
#include "gate/host_class.h"

#include <doctest/doctest.h>

#include <sstream>
#include <string>

namespace ringattn {
namespace {

DeterministicBaseline example() {
  DeterministicBaseline baseline;
  baseline.cases[{"ci/standard/1", "b1/n64/h2/d8/fp32/full/k2"}] = {
      "b1/n64/h2/d8/fp32/full/k2", {{4096, 2048, 2048, 1, 65536, 2}, {4096, 2048, 2048, 1, 65536, 3}}};
  baseline.exponents[{"ci/standard/1", "b1/n*/h2/d8/fp32/full/k2"}] = {"seq_len", "b1/n*/h2/d8/fp32/full/k2", 1.000001};
  return baseline;
}

std::string refusal(const std::string& text) {
  try {
    (void)deterministic_from_text(text, "base.jsonl");
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST_CASE("a baseline reads back as it was written") {
  const std::string text = to_text(example());
  CHECK((deterministic_from_text(text, "base.jsonl") == example()));
  CHECK(to_text(deterministic_from_text(text, "base.jsonl")) == text);
  const HostBaseline host{{{"ci/standard/1", "case"}, {"case", {100, 200}, {1.5, 1.4, 1.6}, 21}}};
  CHECK((host_from_text(to_text(host, "a-cpu"), "host.jsonl") == host));
}

TEST_CASE("a wrong baseline is refused with its line") {
  const std::string text = to_text(example());
  CHECK(contains(refusal(""), "base.jsonl: is empty"));
  CHECK(contains(refusal(text.substr(0, text.size() - 1)), "cut off"));
  CHECK(contains(refusal(text + "{}\n"), "base.jsonl:4"));
  CHECK(contains(refusal(text + "not json\n"), "base.jsonl:4"));
  CHECK(contains(refusal(text + text.substr(text.find('\n') + 1)), "stands twice"));
  CHECK(contains(refusal("{\"schema\":\"ringattn.report\",\"schema_version\":\"1.0\",\"holds\":\"deterministic\"}\n"),
                 "is no baseline"));
  CHECK(contains(refusal("{\"schema\":\"ringattn.baseline\",\"schema_version\":\"2.0\",\"holds\":\"deterministic\"}\n"),
                 "reads version 1.0"));
  std::string longer = text;
  longer.replace(longer.find("\"messages\":[1,1]"), 16, "\"messages\":[1]");
  CHECK(contains(refusal(longer), "/messages"));
  CHECK_THROWS_AS((void)host_from_text(text, "base.jsonl"), UsageError);
}

TEST_CASE("the difference of two baselines names what comes, goes and changes") {
  const DeterministicBaseline before = example();
  DeterministicBaseline after = before;
  after.cases.begin()->second.ranks[1].messages = 2;
  after.exponents.begin()->second.exponent = 1.5;
  after.cases[{"ci/standard/1", "new"}] = {"new", {{}}};
  const std::vector<std::string> lines = difference(before, after);
  REQUIRE(lines.size() == 3);
  CHECK(lines[0] == "~ ci/standard/1 b1/n64/h2/d8/fp32/full/k2: rank 1 messages 1 -> 2");
  CHECK(lines[1] == "+ ci/standard/1 new");
  CHECK(contains(lines[2], "exponent over seq_len 1.000001 -> 1.500000"));
  CHECK(difference(after, before).size() == 3);
  CHECK(difference(before, before).empty());
}

TEST_CASE("a setting is told by what is not at its default") {
  const Json defaults{{"pattern", "auto"}, {"dropout", 0.0}};
  const std::string plain = setting_key("ci", "standard", defaults, defaults);
  CHECK(plain == setting_key("ci", "standard", {{"pattern", "auto"}}, defaults));
  CHECK(plain != setting_key("ci", "standard", {{"pattern", "dense"}}, defaults));
  CHECK(plain.starts_with("ci/standard/"));
}

TEST_CASE("the host class is a file name") {
  Environment e;
  e.cpu_model = "AMD EPYC(TM) 9B14 @ 2.6GHz";
  e.cpu_cores_usable = 2;
  e.threads_intra_op = 2;
  e.build_type = "Release";
  e.libtorch = "2.11.0+cu130";
  CHECK(host_class(e, "f25m17") == "amd-epyc-tm-9b14-2.6ghz-f25m17-2c-2t-release-torch2.11.0");
  e.cpu_model = "";
  CHECK(host_class(e, "") == "unknown-2c-2t-release-torch2.11.0");
}

TEST_CASE("the generation is that of the first processor") {
  std::istringstream info("processor : 0\ncpu family\t: 25\nmodel\t\t: 17\nmodel name : AMD EPYC\ncpu family : 1\n");
  CHECK(cpu_generation(info) == "f25m17");
  std::istringstream nothing("processor : 0\n");
  CHECK(cpu_generation(nothing).empty());
}

TEST_CASE("the files lie in one folder") {
  CHECK(baseline_files("results/baselines", "x").deterministic == "results/baselines/deterministic.jsonl");
  CHECK(baseline_files("results/baselines", "x").host == "results/baselines/time/x.jsonl");
  CHECK(baseline_files("a/other.jsonl", "x").deterministic == "a/other.jsonl");
  CHECK(baseline_files("a/other.jsonl", "x").host == "a/time/x.jsonl");
  CHECK_FALSE(load_deterministic("no/such/file.jsonl").has_value());
}

}  // namespace
}  // namespace ringattn
