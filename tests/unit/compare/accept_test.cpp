#include "compare/accept.h"

#include "config/error.h"

#include <doctest/doctest.h>

#include <string>

namespace ringattn {
namespace {

const std::string good_entry =
    R"({"case": "*/k8", "outcome": "different_function", "reason": "the guide's own configuration", "expires": "2026-12-31"})";

std::string refusal(const std::string& text) {
  try {
    parse_accept(text, "accept.json");
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

TEST_CASE("entries are read with all four fields") {
  const auto entries = parse_accept("[" + good_entry + "]", "accept.json");
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].case_pattern == "*/k8");
  CHECK(entries[0].outcome == Outcome::different_function);
  CHECK(entries[0].reason == "the guide's own configuration");
  CHECK(entries[0].expires == "2026-12-31");
  CHECK(parse_accept("[]", "accept.json").empty());
}

TEST_CASE("what is not an entry is refused with pointer and value") {
  CHECK(refusal("{}") == "accept.json: must be a list of {case, outcome, reason, expires} (got {})");
  CHECK(refusal(R"([{"case": "*", "outcome": "raises", "reason": "r", "expires": "2026-12-31", "until": 1}])") ==
        "accept.json: /0/until: unknown key; known: case, outcome, reason, expires (got 1)");
  CHECK(refusal(R"([{"case": "*", "outcome": "raises", "reason": "r"}])") ==
        "accept.json: /0/expires: this key is required");
  CHECK(refusal(R"([{"case": "*", "outcome": "rases", "reason": "r", "expires": "2026-12-31"}])")
            .find("did you mean \"raises\"?") != std::string::npos);
  CHECK(refusal(R"([{"case": "*", "outcome": "match", "reason": "r", "expires": "2026-12-31"}])").find("/0/outcome") !=
        std::string::npos);
  CHECK(refusal(R"([{"case": "*", "outcome": "raises", "reason": "", "expires": "2026-12-31"}])") ==
        "accept.json: /0/reason: must not be empty (got \"\")");
  for (const std::string date : {"2026-02-30", "2026-13-01", "31.12.2026", "2026-1-01", "", "2026-12-31T00"}) {
    CHECK(refusal(R"([{"case": "*", "outcome": "raises", "reason": "r", "expires": ")" + date + "\"}]") ==
          "accept.json: /0/expires: must be a date YYYY-MM-DD (got \"" + date + "\")");
  }
  CHECK_THROWS_AS(load_accept("/nonexistent/accept.json"), UsageError);
}

TEST_CASE("a case is good when it matches or an entry that has not expired names it with its outcome") {
  const auto entries = parse_accept("[" + good_entry + "]", "accept.json");
  const std::vector<CaseOutcome> cases{{"b1/n8/k1", Outcome::match}, {"b1/n8/k8", Outcome::different_function}};
  const AcceptResult accepted = apply_accept(entries, cases, "2026-12-31");
  CHECK(accepted.all_good);
  CHECK(accepted.entry_of_case == std::vector<std::int64_t>{-1, 0});
  CHECK(accepted.warnings.empty());

  const AcceptResult expired = apply_accept(entries, cases, "2027-01-01");
  CHECK_FALSE(expired.all_good);
  CHECK(expired.entry_of_case == std::vector<std::int64_t>{-1, -1});
  CHECK(expired.warnings ==
        std::vector<std::string>{
            "--accept entry 0 (*/k8, different_function) expired on 2026-12-31 and no longer counts"});

  const AcceptResult other = apply_accept(entries, {{"b1/n8/k8", Outcome::new_wrong}}, "2026-12-31");
  CHECK_FALSE(other.all_good);
  CHECK(other.warnings == std::vector<std::string>{"--accept entry 0 (*/k8, different_function) accepted nothing"});
}

TEST_CASE("a later entry counts where an earlier one has expired, and no cases are no success") {
  std::vector<AcceptEntry> entries = parse_accept("[" + good_entry + "," + good_entry + "]", "accept.json");
  entries[0].expires = "2020-01-01";
  const AcceptResult result = apply_accept(entries, {{"b1/k8", Outcome::different_function}}, "2026-01-01");
  CHECK(result.all_good);
  CHECK(result.entry_of_case == std::vector<std::int64_t>{1});
  CHECK(result.warnings.size() == 1);
  CHECK_FALSE(apply_accept({}, {}, "2026-01-01").all_good);
}

TEST_CASE("globs match as a shell's do") {
  CHECK(glob_matches("*", ""));
  CHECK(glob_matches("b1/*/k8", "b1/n4096/h8/k8"));
  CHECK(glob_matches("b1/n?/k8", "b1/n7/k8"));
  CHECK(glob_matches("a*b*c", "aXbYbZc"));
  CHECK_FALSE(glob_matches("a*b*c", "aXbYbZ"));
  CHECK_FALSE(glob_matches("", "a"));
  CHECK_FALSE(glob_matches("k8", "k80"));
  CHECK_FALSE(glob_matches("k?", "k"));
}

TEST_CASE("today is a date") {
  const std::string today = today_utc();
  CHECK(today.size() == 10);
  CHECK(refusal(R"([{"case": "*", "outcome": "raises", "reason": "r", "expires": ")" + today + "\"}]") == "accepted");
}

}  // namespace
}  // namespace ringattn
