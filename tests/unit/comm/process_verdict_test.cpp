#include "comm/process_verdict.h"

#include "config/error.h"

#include <doctest/doctest.h>

#include <map>
#include <string>

namespace ringattn {
namespace {

using Kind = ProcessVerdict::Kind;

std::string cause_of(const std::map<int, ProcessVerdict>& verdicts) {
  const ProcessVerdict* cause = first_cause(verdicts);
  return cause != nullptr ? cause->words : "none";
}

TEST_CASE("a verdict comes back from its note whole") {
  const ProcessVerdict verdict{Kind::silent, 4, 2, "rank 2 silent at hop 5 of case a b: \"x\"\nand more"};
  const ProcessVerdict back = ProcessVerdict::from_note(verdict.to_note());
  CHECK(back.kind == Kind::silent);
  CHECK(back.seen_by == 4);
  CHECK(back.accused == 2);
  CHECK(back.words == verdict.words);
  for (const char* note : {"", "x", "9 1 1 words", "1 2", "-1 0 0 a"})
    CHECK_THROWS_AS(ProcessVerdict::from_note(note), RuntimeFailure);
}

TEST_CASE("the cause is the rank that failed, then one that is gone, then the one whom all others wait for") {
  const ProcessVerdict nothing{Kind::nothing, 0, -1, ""};
  CHECK(cause_of({}) == "none");
  CHECK(cause_of({{0, nothing}}) == "none");
  // 0 waits for 3, which waits for 2, which is busy; 1 waits for 2 as well.
  const ProcessVerdict of_three{Kind::slow, 0, 3, "3 slow"};
  const ProcessVerdict by_one{Kind::slow, 1, 2, "2 slow, by 1"};
  const ProcessVerdict by_three{Kind::slow, 3, 2, "2 slow, by 3"};
  CHECK(cause_of({{0, of_three}, {1, by_one}, {2, nothing}, {3, by_three}}) == "2 slow, by 1");
  CHECK(cause_of({{0, of_three}, {2, nothing}, {3, by_three}}) == "2 slow, by 3");
  const ProcessVerdict gone{Kind::gone, 1, 4, "4 gone"};
  CHECK(cause_of({{0, of_three}, {1, gone}, {3, by_three}}) == "4 gone");
  const ProcessVerdict failed{Kind::failed, 5, 5, "5 failed"};
  CHECK(cause_of({{0, of_three}, {1, gone}, {5, failed}}) == "5 failed");
}

}  // namespace
}  // namespace ringattn
