#include "pattern/visibility.h"

#include <doctest/doctest.h>

namespace ringattn {
namespace {

AttentionFunction function_of(Window window, bool is_causal, std::vector<std::int64_t> documents = {}) {
  AttentionFunction f;
  f.seq_len = 20;
  f.heads = 1;
  f.window = window;
  f.is_causal = is_causal;
  f.documents = std::move(documents);
  return f;
}

}  // namespace

TEST_CASE("nothing said: every query sees the whole sequence") {
  const AttentionFunction f = function_of({}, false);
  const Visibility visibility(f);
  CHECK(visibility.is_unrestricted());
  CHECK(visibility.keys_of(0) == PositionRange{0, 20});
  CHECK(visibility.keys_of(19) == PositionRange{0, 20});
  CHECK(visibility.document_of(7) == PositionRange{0, 20});
}

TEST_CASE("causality ends at the query, a window on its sides") {
  const AttentionFunction causal = function_of({}, true), window = function_of({3, 2}, false);
  const AttentionFunction left = function_of({3, -1}, false), right = function_of({-1, 0}, false);
  CHECK_FALSE(Visibility(causal).is_unrestricted());
  CHECK(Visibility(causal).keys_of(5) == PositionRange{0, 6});
  CHECK(Visibility(window).keys_of(5) == PositionRange{2, 8});
  CHECK(Visibility(window).keys_of(1) == PositionRange{0, 4});
  CHECK(Visibility(window).keys_of(19) == PositionRange{16, 20});
  CHECK(Visibility(left).keys_of(5) == PositionRange{2, 20});
  CHECK(Visibility(right).keys_of(5) == PositionRange{0, 6});
}

TEST_CASE("causality makes the right side of a window moot") {
  const AttentionFunction f = function_of({3, 2}, true);
  CHECK(Visibility(f).keys_of(5) == PositionRange{2, 6});
}

TEST_CASE("documents begin and end at their cumulative lengths") {
  const AttentionFunction f = function_of({4, 4}, false, {0, 1, 7, 20});
  const Visibility visibility(f);
  CHECK(visibility.document_of(0) == PositionRange{0, 1});
  CHECK(visibility.document_of(1) == PositionRange{1, 7});
  CHECK(visibility.document_of(6) == PositionRange{1, 7});
  CHECK(visibility.document_of(7) == PositionRange{7, 20});
  CHECK(visibility.document_of(19) == PositionRange{7, 20});
  CHECK(visibility.keys_of(0) == PositionRange{0, 1});
  CHECK(visibility.keys_of(2) == PositionRange{1, 7});
  CHECK(visibility.keys_of(9) == PositionRange{7, 14});
}

TEST_CASE("a query sees itself, and both ends never decrease from one query to the next") {
  for (const bool is_causal : {false, true}) {
    for (const Window window : {Window{}, Window{0, 0}, Window{5, -1}, Window{-1, 3}, Window{2, 30}}) {
      for (const std::vector<std::int64_t>& documents :
           {std::vector<std::int64_t>{}, std::vector<std::int64_t>{0, 2, 3, 11, 20}}) {
        const AttentionFunction f = function_of(window, is_causal, documents);
        const Visibility visibility(f);
        PositionRange before{0, 0};
        for (std::int64_t query = 0; query < 20; ++query) {
          const PositionRange keys = visibility.keys_of(query);
          CHECK(keys.begin <= query);
          CHECK(query < keys.end);
          CHECK(before.begin <= keys.begin);
          CHECK(before.end <= keys.end);
          before = keys;
        }
      }
    }
  }
}

}  // namespace ringattn
