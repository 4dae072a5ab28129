#include "program.h"

#include <doctest/doctest.h>

namespace ringattn {
namespace {

using test::contains;
using test::Finished;
using test::run;

/// A request that must be refused with exit code 2, with nothing on stdout and this on stderr.
void refused(const std::vector<std::string>& arguments, const std::string& message) {
  const Finished f = run(arguments);
  INFO("arguments: ", arguments.empty() ? "" : arguments.back(), "\nstderr: ", f.err);
  CHECK(f.code == 2);
  CHECK(f.out.empty());
  CHECK(contains(f.err, message));
  CHECK(f.err.starts_with("error: "));
}

TEST_CASE("no verb, and an unknown verb, with the nearest") {
  refused({},
          "no verb is given; known: compare, bench, gate, report, plan, replay, migrate, explain, list, doctor, "
          "completion");
  refused({"comprae"}, "unknown verb \"comprae\"; did you mean \"compare\"?");
  refused({"zebra"},
          "unknown verb \"zebra\"; known: compare, bench, gate, report, plan, replay, migrate, explain, list, doctor, "
          "completion");
}

TEST_CASE("an unknown flag, with the nearest and the page that helps") {
  refused({"compare", "--odl", "v2"}, "unknown flag --odl; did you mean \"--old\"?");
  refused({"compare", "--odl", "v2"}, "see `ringattn compare --help`");
  refused({"list", "--jsn=-"}, "unknown flag --jsn; did you mean \"--json\"?");
  refused({"--verison"}, "unknown flag --verison; did you mean \"--version\"?");
}

TEST_CASE("a word too many, a missing value, a missing flag") {
  refused({"list", "presets", "extra"}, "\"extra\" is one word too many");
  refused({"compare", "--old"}, "--old");
  refused({"compare"}, "--old is required");
  refused({"completion"}, "shell is required");
}

TEST_CASE("values are checked where they are read") {
  refused({"compare", "--old", "v2", "--seed", "abc"}, "--seed: must be an integer, at least 0 (got \"abc\")");
  refused({"compare", "--old", "v2", "--seed", "-1"}, "--seed: must be an integer, at least 0 (got \"-1\")");
  refused({"compare", "--old", "v2", "--pairs", "0"}, "--pairs: must be an integer between 1 and 10001 (got \"0\")");
  refused({"compare", "--old", "v2", "--timeout", "5x"}, "--timeout: must be a time such as 90, 90s, 5m or 1h30m");
  refused({"bench", "--time-budget", "0"}, "--time-budget: must be a time such as");
  refused({"compare", "--old", "v2", "--rtol", "nan", "--atol", "0"}, "--rtol: must be a finite number, at least 0");
  refused({"list", "--color", "alwys"}, "--color: unknown value \"alwys\"; did you mean \"always\"?");
  refused({"list", "fieldz"}, "list: unknown topic \"fieldz\"; did you mean \"fields\"?");
  refused({"completion", "tcsh"}, "completion: unknown shell \"tcsh\"");
  refused({"bench", "--impl", "v2,v2"}, "--impl: \"v2\" is given twice");
  refused({"compare", "--old", "v2", "--new-config", "guied"},
          "--new-config: \"guied\" is no known word, JSON object or file");
  refused({"compare", "--old", "v2", "--new-config", R"({"droput": 1})"},
          "--new-config: /droput: unknown key; did you mean \"dropout\"? (got 1)");
}

TEST_CASE("flags that contradict each other") {
  refused({"compare", "--old", "v2", "--rtol", "1e-3"}, "--rtol, --atol: give both or neither");
  refused({"compare", "--old", "v2", "--atol", "1e-3"}, "--rtol, --atol: give both or neither");
  refused({"compare", "--old", "v2", "--pairs", "5", "--no-time"}, "--pairs: nothing is timed with --no-time");
  refused({"compare", "--old", "oracle", "--as-shipped"}, "--as-shipped: the oracle was never shipped");
  refused({"plan", "--ranks", "4", "--rank", "4"}, "--rank: must be below --ranks 4 (got 4)");
  refused({"list", "presets", "--deprecated"}, "give a topic or --deprecated, not both");
}

TEST_CASE("presets, axes and fields, with the nearest known one") {
  refused({"plan", "--preset", "quikc"}, "--preset quikc: unknown preset; did you mean \"quick\"?");
  refused({"plan", "--preset", "./missing.json"}, "--preset ./missing.json: cannot be read");
  refused({"plan", "-a", "rank=2"}, "-a rank=2: unknown axis \"rank\"; did you mean \"ranks\"?");
  refused({"plan", "-a", "ranks=[4:2]"}, "-a ranks=[4:2]: the range runs backwards: 4 is above 2");
  refused({"plan", "--set", "dropuot=1"}, "--set dropuot: unknown field; did you mean \"dropout\"?");
  refused({"plan", "--set", "dropout=2"}, "--set dropout: must be a number between 0.0 and 1.0 (got 2)");
  refused({"plan", "--set", "segment_lengths=[4]"},
          "segment_lengths and dilation_rates must have the same length: 1 != 2");
}

TEST_CASE("a preset from stdin is read as strictly as a file") {
  const std::vector<std::string> arguments{"plan", "--preset", "-"};
  const Finished bad =
      run(arguments, {},
          R"({"name": "x", "implementation": "standard", "config": {"dropout": 1, "dropout": 0}, "workload": {}})");
  CHECK(bad.code == 2);
  CHECK(contains(bad.err, "stdin: /config/dropout: this key is given twice"));
}

}  // namespace
}  // namespace ringattn
