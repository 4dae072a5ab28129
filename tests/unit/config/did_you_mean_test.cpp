#include "config/did_you_mean.h"

#include <doctest/doctest.h>

namespace ringattn {
namespace {

const std::vector<std::string> verbs{"compare", "bench", "plan", "list", "doctor", "completion"};

TEST_CASE("the edit distance counts insertions, deletions, substitutions and swaps of neighbours") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("seq_len", "seq_ln") == 1);
  CHECK(edit_distance("ranks", "rnaks") == 1);
  CHECK(edit_distance("RANKS", "ranks") == 0);
  CHECK(edit_distance("head-dim", "head_dim") == 0);
}

TEST_CASE("words longer than 64 characters cost no more than 64") {
  CHECK(edit_distance(std::string(100000, 'a'), std::string(100000, 'b')) == 64);
}

TEST_CASE("the nearest word is suggested, and only where it is near") {
  CHECK(nearest("compar", verbs) == "compare");
  CHECK(nearest("dcotor", verbs) == "doctor");
  CHECK(nearest("comple", verbs) == "compare");   // three edits; as near as completion is far
  CHECK(nearest("comp", verbs) == std::nullopt);  // two verbs begin so
  CHECK(nearest("completi", verbs) == "completion");
  CHECK(nearest("zebra", verbs) == std::nullopt);
  CHECK(nearest("x", verbs) == std::nullopt);
  CHECK(nearest("", verbs) == std::nullopt);
}

TEST_CASE("a word that begins only one known word is near") {
  const std::vector<std::string> fields{"segment_lengths", "dilation_rates"};
  CHECK(nearest("seg", fields) == "segment_lengths");
}

TEST_CASE("without a near word the known ones are listed, at most twelve of them") {
  CHECK(did_you_mean("zebra", verbs) == "; known: compare, bench, plan, list, doctor, completion");
  CHECK(did_you_mean("lst", verbs) == "; did you mean \"list\"?");
  CHECK(did_you_mean("x", {}) == "");
  const std::vector<std::string> many(20, "name");
  CHECK(did_you_mean("zebra", many).ends_with("name, …"));
}

}  // namespace
}  // namespace ringattn
