#include "cli/options.h"

#include "cli/command_line.h"
#include "cli/compare_options.h"
#include "config/error.h"

#include <doctest/doctest.h>

namespace ringattn {
namespace {

template <typename Body>
std::string message_of(Body&& body) {
  try {
    body();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST_CASE("a flag's environment twin is in capitals with underscores") {
  CHECK(environment_twin("--time-budget") == "RINGATTN_TIME_BUDGET");
  CHECK(environment_twin("--old") == "RINGATTN_OLD");
}

TEST_CASE("durations are seconds, or hours, minutes and seconds") {
  CHECK(parse_duration("90", "--t") == std::chrono::seconds(90));
  CHECK(parse_duration("90s", "--t") == std::chrono::seconds(90));
  CHECK(parse_duration("5m", "--t") == std::chrono::seconds(300));
  CHECK(parse_duration("1h30m", "--t") == std::chrono::seconds(5400));
  for (const char* text : {"", "0", "-5", "5x", "m", "1.5m", "5m x", "9999999", "99999999999999999999"}) {
    CAPTURE(text);
    CHECK(message_of([&] {
            parse_duration(text, "--t");
          }).starts_with("--t: must be a time such as 90, 90s, 5m or 1h30m"));
  }
}

TEST_CASE("integers are whole, in range and complete") {
  CHECK(parse_integer("42", "--seed", 0, 100) == 42);
  CHECK(message_of([] { parse_integer("101", "--seed", 0, 100); }) ==
        "--seed: must be an integer between 0 and 100 (got \"101\")");
  constexpr auto max = std::numeric_limits<std::int64_t>::max();
  CHECK(message_of([] { parse_integer("0", "--n", 1, max); }) == "--n: must be a positive integer (got \"0\")");
  for (const char* text : {"", "4.0", "4k", " 4", "0x10", "9223372036854775808"}) {
    CAPTURE(text);
    CHECK(message_of([&] { parse_integer(text, "--n", 1, max); }).starts_with("--n: must be a positive integer"));
  }
}

TEST_CASE("tolerances are finite and not negative") {
  CHECK(parse_tolerance("1e-3", "--rtol") == 1e-3);
  CHECK(parse_tolerance("0", "--rtol") == 0.0);
  for (const char* text : {"", "-1", "nan", "inf", "1e-3x"}) {
    CAPTURE(text);
    CHECK(message_of([&] {
            parse_tolerance(text, "--rtol");
          }).starts_with("--rtol: must be a finite number, at least 0"));
  }
}

TEST_CASE("--new-config is a word or a configuration") {
  CHECK(parse_new_config("preserving").kind == NewConfig::Kind::preserving);
  CHECK(parse_new_config("guide").kind == NewConfig::Kind::guide);
  const NewConfig given = parse_new_config(R"({"pattern": "dense"})");
  CHECK(given.kind == NewConfig::Kind::given);
  CHECK(given.given.pattern.name == PatternName::dense);
  CHECK(message_of([] {
          parse_new_config("nowhere.json");
        }).starts_with("--new-config: \"nowhere.json\" is no known word, JSON object or file"));
}

TEST_CASE("a parsed command line carries the choice of colour and something to run") {
  CommandLine line(Env{});
  const char* const argv[] = {"ringattn", "doctor", "--color", "never"};
  const Invocation invocation = line.parse(4, argv);
  CHECK(invocation.color == ColorChoice::never);
  CHECK(static_cast<bool>(invocation.run));
}

}  // namespace
}  // namespace ringattn
